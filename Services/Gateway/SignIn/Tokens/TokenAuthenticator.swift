package import Contracts
internal import Crypto
package import GatewayRequests
package import HTTP
internal import HTTPWire
internal import Primitives
package import Reactor
internal import Settings
internal import SystemSources
internal import Tokens

/// Finds out who makes a request by a signed token in `Authorization: Bearer`.
package struct TokenAuthenticator: CredentialChecking {
  private struct Issuer: Sendable {
    let declaration: IssuerDeclaration
    /// `nil` for a shared secret.
    let published: PublishedDocument<TokenKeySet>?
    let fixed: TokenKeySet?
  }

  private let issuers: [String: Issuer]
  private let tenants: (any TenantAdmitting)?
  private let cache = VerifiedTokenCache()
  private let metrics: SignInMetrics
  private let clock: @Sendable () -> Int64

  /// Makes an authenticator of declared issuers. `clock` is in seconds of Unix time.
  package init(
    _ declarations: [IssuerDeclaration], client: IssuerClient, group: EventLoopGroup,
    tenants: (any TenantAdmitting)?, metrics: SignInMetrics,
    clock: @escaping @Sendable () -> Int64 = { WallClock.now().unixMicroseconds / 1_000_000 }
  ) throws {
    try self.init(
      declarations, client: client, group: group, tenants: tenants, metrics: metrics, rules: RefreshState.Rules(),
      clock: clock)
  }

  init(
    _ declarations: [IssuerDeclaration], client: IssuerClient, group: EventLoopGroup,
    tenants: (any TenantAdmitting)?, metrics: SignInMetrics, rules: RefreshState.Rules,
    clock: @escaping @Sendable () -> Int64
  ) throws {
    var issuers: [String: Issuer] = [:]
    for declaration in declarations {
      let issuer: Issuer
      switch declaration.keys {
      case .secret(let secret):
        let key = TokenKey(secret: Array(secret.reveal().utf8))
        issuer = Issuer(declaration: declaration, published: nil, fixed: TokenKeySet([key].compactMap { $0 }))
      case .url(let text):
        let url = try HTTPURL(text)
        let published = PublishedDocument(group: group, rules: rules) {
          try await client.fetch("keys", from: url, bytesMax: TokenKeySet.bytesMax) { TokenKeySet(parsing: $0) }
        }
        issuer = Issuer(declaration: declaration, published: published, fixed: nil)
      }
      guard issuers.updateValue(issuer, forKey: declaration.rules.issuer) == nil else {
        throw SignInSettingsError(description: "identity.issuers has the issuer \(declaration.rules.issuer) twice")
      }
    }
    self.issuers = issuers
    self.tenants = tenants
    self.metrics = metrics
    self.clock = clock
  }

  /// As `CredentialChecking` says.
  package func check(_ request: HTTPRequest, for route: RouteSpecification) async throws(Problem) -> Identity? {
    guard !issuers.isEmpty, let text = try TokenAuthenticator.token(of: request) else { return nil }
    let identity = try await identity(text)
    if let tenant = identity.tenant { try await tenants?.admit(tenant) }
    return identity
  }

  /// The token of a request; `nil` for another kind of credential.
  private static func token(of request: HTTPRequest) throws(Problem) -> String? {
    guard let field = request.headers[.authorization], field.utf8.count > 7,
      field.utf8.prefix(7).elementsEqual("Bearer ".utf8) || field.prefix(7).lowercased() == "bearer "
    else { return nil }
    let text = field.dropFirst(7)
    guard SignedToken.resembles(text) else { return nil }
    guard request.headers.values(of: .authorization).count == 1, !request.headers.contains(.xAPIKey) else {
      throw Problem(.tooManyCredentials)
    }
    return String(text)
  }

  private func identity(_ text: String) async throws(Problem) -> Identity {
    guard text.utf8.count <= SignedToken.bytesMax else { throw refusal(.tooLong) }
    let digest = Digest.sha256(Array(text.utf8))
    if let identity = cache.find(digest, at: clock()) { return identity }
    do throws(TokenError) {
      let (token, issuer) = try read(text)
      guard let keys = await TokenAuthenticator.keys(of: issuer, for: token) else { throw .keysUnavailable }
      let now = clock()
      let claims = try TokenVerifier.verify(token, by: issuer.declaration.rules, with: keys, unixSeconds: now)
      guard let identity = ClaimMapping.identity(claims, by: issuer.declaration) else { throw .claims }
      metrics.token("ok")
      cache.add(digest, identity, expiresAt: claims.expiresAt, at: now)
      return identity
    } catch {
      throw refusal(error)
    }
  }

  /// Reads a token. Nothing is fetched for one that could not be good anyway.
  private func read(_ text: String) throws(TokenError) -> (SignedToken, Issuer) {
    let token = try SignedToken(text)
    guard let name = token.issuer, let issuer = issuers[name] else { throw .unknownIssuer }
    guard issuer.declaration.rules.algorithms.contains(token.algorithm) else { throw .algorithm }
    return (token, issuer)
  }

  private static func keys(of issuer: Issuer, for token: SignedToken) async -> TokenKeySet? {
    guard let published = issuer.published else { return issuer.fixed }
    return await published.value { $0.hasKey(for: token) }
  }

  private func refusal(_ error: TokenError) -> Problem {
    metrics.token(error.rawValue)
    if error == .keysUnavailable { return Problem(.tokenKeysUnavailable, retryAfterSeconds: 5) }
    var headers = HTTPHeaders()
    headers.append(.wwwAuthenticate, "Bearer realm=\"cadre\", error=\"invalid_token\"")
    return Problem(.tokenInvalid, "The signed token is not accepted (\(error.rawValue)).", headers: headers)
  }
}
