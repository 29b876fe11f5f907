package import Contracts
internal import Crypto
package import GatewayRequests
package import HTTP
internal import HTTPWire
internal import Primitives
package import Settings

/// The table of API keys. A key is found by its digest, so neither configuration nor memory holds the key itself.
package struct APIKeys: RequestAuthenticating {
  /// Keys by their digests.
  package static let keys = Setting(
    "auth.keys", .list(of: KeyDeclaration.type), default: [],
    "API keys: name, tenant, the SHA-256 digest of the key in hexadecimal, and operator: true for those that may configure the installation."
  )
  /// A single key.
  package static let key = Setting(
    "auth.key", .secret, default: Secret(""),
    "A single API key, instead of the list of digests; for local installations.")
  /// The tenant of the single key.
  package static let tenant = Setting(
    "auth.tenant", .string(bytesMaximum: 64), default: "tenant_00000000000070008000000000000001",
    "Tenant of that single key.")

  private let callers: [[UInt8]: Caller]

  /// Builds the table. Throws when there is no key: then nobody could use the gateway.
  package init(_ settings: Settings) throws {
    var callers: [[UInt8]: Caller] = [:]
    for declared in settings[APIKeys.keys] {
      guard let digest = Hex.decode(declared.sha256), let tenant = declared.tenant else { continue }
      callers[digest] = APIKeys.caller(tenant, declared.name, isOperator: declared.isOperator)
    }
    let single = settings[APIKeys.key].reveal()
    if !single.isEmpty {
      guard single.utf8.count >= 16 else { throw KeyError(description: "auth.key must have at least 16 bytes") }
      guard let tenant = TenantID(settings[APIKeys.tenant]) else {
        throw KeyError(description: "auth.tenant is not a tenant id (tenant_ and 32 hexadecimal digits)")
      }
      callers[Digest.sha256(Array(single.utf8))] = APIKeys.caller(tenant, "local", isOperator: true)
    }
    guard !callers.isEmpty else {
      throw KeyError(
        description: "no API key is configured: set auth.key (CADRE_AUTH_KEY) or list digests under auth.keys")
    }
    self.callers = callers
  }

  private static func caller(_ tenant: TenantID, _ name: String, isOperator: Bool) -> Caller {
    Caller(
      issuer: .gateway, tenant: tenant, principal: "key:\(name)",
      scopes: isOperator ? [.api, .models, .operator] : [.api, .models])
  }

  /// Virtual keys begin with this.
  private static let virtualPrefix = "cadre_vk_"
  private static let virtualBytesMax = 8192

  /// As `RequestAuthenticating` says. Virtual keys are good at addresses of models.
  package func identity(of request: HTTPRequest, for route: RouteSpecification) async throws(Problem) -> Identity {
    if route.isModelRoute, let presented = APIKeys.presented(request), presented.hasPrefix(APIKeys.virtualPrefix),
      presented.utf8.count <= APIKeys.virtualBytesMax
    {
      return Identity(
        kind: .virtualKey, caller: nil, virtualKey: presented, role: .member, subject: "virtual_key",
        credential: "virtual_key", grants: .models)
    }
    let caller = try authenticate(request)
    return Identity(
      kind: .configuredKey, caller: caller, role: .owner, subject: caller.principal, credential: caller.principal,
      grants: caller.has(.operator) ? [.ofTenant, .operator] : .ofTenant)
  }

  private static func presented(_ request: HTTPRequest) -> String? {
    var presented = request.headers[.xAPIKey]
    if let authorization = request.headers[.authorization], authorization.lowercased().hasPrefix("bearer ") {
      presented = String(authorization.dropFirst(7))
    }
    return presented
  }

  /// The caller of a request, by `Authorization: Bearer` or `X-API-Key`. Throws a 401 `Problem`.
  package func authenticate(_ request: HTTPRequest) throws(Problem) -> Caller {
    guard let presented = APIKeys.presented(request), presented.utf8.count <= 512 else {
      throw refusal("The request has no API key.")
    }
    guard let caller = callers[Digest.sha256(Array(presented.utf8))] else {
      throw refusal("The API key is not known.")
    }
    return caller
  }

  private func refusal(_ what: String) -> Problem {
    var headers = HTTPHeaders()
    headers.append(.wwwAuthenticate, "Bearer realm=\"cadre\"")
    return Problem(
      .unauthorized, "\(what) Send it as \"Authorization: Bearer KEY\" or \"X-API-Key: KEY\".",
      headers: headers)
  }
}
