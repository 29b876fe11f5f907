internal import Contracts
internal import Crypto
internal import HTTP
internal import HTTPWire
internal import Primitives
internal import Settings

/// An API key as the configuration declares it: never the key itself, only its digest.
struct KeyDeclaration: Sendable, Equatable {
  let name: String
  let tenant: TenantID?
  let sha256: String
  /// Whether it may configure the installation: providers, models, aliases.
  let isOperator: Bool

  static let type = SettingType<KeyDeclaration>.map { reader in
    let tenant = reader.value("tenant", .string(bytesMaximum: 64))
    let sha256 = reader.value("sha256", .string(bytesMaximum: 64))
    if TenantID(tenant) == nil { reader.fault("tenant", "not a tenant id (tenant_ and 32 hexadecimal digits)") }
    if Hex.decode(sha256)?.count != 32 { reader.fault("sha256", "not a SHA-256 digest (64 hexadecimal digits)") }
    return KeyDeclaration(
      name: reader.value("name", .string(bytesMaximum: 100, allowsEmpty: false)), tenant: TenantID(tenant),
      sha256: sha256, isOperator: reader.value("operator", .bool, default: false))
  }
}

/// Who a caller is.
struct Identity: Sendable {
  let tenant: TenantID
  /// The name of the key, for logs and the history.
  let principal: String
  /// Whether it may configure the installation.
  let isOperator: Bool
}

/// What a request shows.
enum Credential: Sendable {
  /// A key of ours, with whom it stands for.
  case identity(Identity)
  /// A virtual key, which the llm-router checks itself.
  case virtualKey(String)
}

/// Knows the keys. A key is looked up by its digest, so neither configuration nor memory holds it.
struct APIKeys: Sendable {
  static let keys = Setting(
    "auth.keys", .list(of: KeyDeclaration.type), default: [],
    "API keys: name, tenant, the SHA-256 digest of the key in hexadecimal, and operator: true for those that may configure the installation."
  )
  static let key = Setting(
    "auth.key", .secret, default: Secret(""),
    "A single API key, instead of the list of digests; for local installations.")
  static let tenant = Setting(
    "auth.tenant", .string(bytesMaximum: 64), default: "tenant_00000000000070008000000000000001",
    "Tenant of that single key.")

  private let identities: [[UInt8]: Identity]

  /// Builds the table. Throws when there is no key: then nobody could use the gateway.
  init(_ settings: Settings) throws {
    var identities: [[UInt8]: Identity] = [:]
    for declared in settings[APIKeys.keys] {
      guard let digest = Hex.decode(declared.sha256), let tenant = declared.tenant else { continue }
      identities[digest] = Identity(
        tenant: tenant, principal: "key:\(declared.name)", isOperator: declared.isOperator)
    }
    let single = settings[APIKeys.key].reveal()
    if !single.isEmpty {
      guard single.utf8.count >= 16 else { throw KeyError(description: "auth.key must have at least 16 bytes") }
      guard let tenant = TenantID(settings[APIKeys.tenant]) else {
        throw KeyError(description: "auth.tenant is not a tenant id (tenant_ and 32 hexadecimal digits)")
      }
      identities[Digest.sha256(Array(single.utf8))] = Identity(
        tenant: tenant, principal: "key:local", isOperator: true)
    }
    guard !identities.isEmpty else {
      throw KeyError(
        description: "no API key is configured: set auth.key (CADRE_AUTH_KEY) or list digests under auth.keys")
    }
    self.identities = identities
  }

  /// Virtual keys begin with this.
  private static let virtualPrefix = "cadre_vk_"
  private static let virtualBytesMax = 8192

  /// The caller of a request to a model endpoint, where virtual keys are good too. Throws a 401 `Problem`.
  func credential(_ request: HTTPRequest) throws(Problem) -> Credential {
    if let shown = APIKeys.shown(request), shown.hasPrefix(APIKeys.virtualPrefix),
      shown.utf8.count <= APIKeys.virtualBytesMax
    {
      return .virtualKey(shown)
    }
    return .identity(try identify(request))
  }

  private static func shown(_ request: HTTPRequest) -> String? {
    var shown = request.headers[.xAPIKey]
    if let authorization = request.headers[.authorization], authorization.lowercased().hasPrefix("bearer ") {
      shown = String(authorization.dropFirst(7))
    }
    return shown
  }

  /// The caller of a request, by `Authorization: Bearer` or `X-API-Key`. Throws a 401 `Problem`.
  func identify(_ request: HTTPRequest) throws(Problem) -> Identity {
    guard let shown = APIKeys.shown(request), shown.utf8.count <= 512 else {
      throw refusal("The request shows no API key.")
    }
    guard let identity = identities[Digest.sha256(Array(shown.utf8))] else {
      throw refusal("The API key is not known.")
    }
    return identity
  }

  private func refusal(_ what: String) -> Problem {
    var headers = HTTPHeaders()
    headers.append(.wwwAuthenticate, "Bearer realm=\"cadre\"")
    return Problem(
      .unauthorized, code: "unauthorized", "\(what) Send it as \"Authorization: Bearer KEY\" or \"X-API-Key: KEY\".",
      headers: headers)
  }
}

/// The keys are not usable.
struct KeyError: Error, CustomStringConvertible {
  let description: String
}
