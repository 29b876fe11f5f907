internal import Contracts
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Primitives
internal import Reactor
internal import Redis
internal import Settings
internal import Tokens

/// Sign-in at OpenID Connect providers: authorisation code with PKCE.
struct FederationClient: Sendable {
  /// Largest answer of a token endpoint.
  private static let tokenBytesMax = 64 << 10
  private static let codeBytesMax = 2048

  /// Whom a provider vouches for.
  struct Person: Sendable, Equatable {
    let tenant: TenantID
    let email: String
  }

  private struct Discovery: Sendable {
    let metadata: ProviderMetadata
    let reach: IssuerReach
  }

  private struct Provider: Sendable {
    let declaration: ProviderDeclaration
    let discovery: PublishedDocument<Discovery>
    let keys: PublishedDocument<TokenKeySet>
  }

  private let providers: [String: Provider]
  private let client: IssuerClient
  private let redis: RedisPool
  private let origin: String
  private let clock: @Sendable () -> Int64

  /// `origin` is what browsers see; `clock` is in seconds of Unix time.
  init(
    _ declarations: [ProviderDeclaration], client: IssuerClient, group: EventLoopGroup, redis: RedisPool,
    origin: String, rules: RefreshState.Rules, clock: @escaping @Sendable () -> Int64
  ) throws {
    var providers: [String: Provider] = [:]
    for declaration in declarations {
      guard !origin.isEmpty else {
        throw SignInSettingsError(description: "sign_in.providers needs sign_in.url, to which providers send browsers")
      }
      let address = try ProviderMetadata.address(of: declaration.issuer)
      let discovery = PublishedDocument(group: group, rules: rules) {
        let (metadata, reach) = try await client.discover(from: address, bytesMax: ProviderMetadata.bytesMax) {
          ProviderMetadata(parsing: $0, of: declaration.issuer)
        }
        return Discovery(metadata: metadata, reach: reach)
      }
      let keys = PublishedDocument(group: group, rules: rules) {
        guard let found = await discovery.value() else { throw IssuerClient.Failure.malformed }
        return try await client.fetch(
          "keys", from: found.metadata.keysAddress, within: found.reach, bytesMax: TokenKeySet.bytesMax
        ) { TokenKeySet(parsing: $0) }
      }
      let provider = Provider(declaration: declaration, discovery: discovery, keys: keys)
      guard providers.updateValue(provider, forKey: declaration.name) == nil else {
        throw SignInSettingsError(description: "sign_in.providers has the name \(declaration.name) twice")
      }
    }
    self.providers = providers
    self.client = client
    self.redis = redis
    self.origin = origin
    self.clock = clock
  }

  private func provider(_ name: String) throws(Problem) -> Provider {
    guard let provider = providers[name] else { throw .notFound("identity provider") }
    return provider
  }

  private func callback(_ provider: Provider) -> String {
    "\(origin)/auth/v1/oidc/\(provider.declaration.name)/callback"
  }

  private static func key(_ state: String) -> RedisArgument { "cadre:oidc:\(PendingFederation.digest(state))" }

  // MARK: Start

  /// Begins a sign-in of the browser with a cookie. Returns where it goes.
  func start(_ name: String, browser: String, returnTo: String) async throws(Problem) -> String {
    let provider = try provider(name)
    guard let metadata = await provider.discovery.value()?.metadata else {
      throw Problem(.identityProviderUnavailable)
    }
    let state = PendingFederation.secret()
    let pending = PendingFederation(
      provider: name, browserDigest: PendingFederation.digest(browser), nonce: PendingFederation.secret(),
      verifier: PendingFederation.secret(), returnTo: returnTo)
    do {
      _ = try await redis.send([
        "SET", FederationClient.key(state), .bytes(pending.encoded()), "EX",
        .integer(PendingFederation.lifetimeSeconds),
      ])
    } catch { throw Problem(.signInUnavailable, retryAfterSeconds: 2) }
    let items = [
      ("response_type", "code"), ("client_id", provider.declaration.clientID), ("redirect_uri", callback(provider)),
      ("scope", provider.declaration.scopes.joined(separator: " ")), ("state", state), ("nonce", pending.nonce),
      ("code_challenge", PendingFederation.challenge(of: pending.verifier)), ("code_challenge_method", "S256"),
    ]
    let query = items.map { "\($0.0)=\(PercentEncoding.encode($0.1))" }.joined(separator: "&")
    let address = "\(metadata.authorizationEndpoint)"
    return "\(address)\(address.contains("?") ? "&" : "?")\(query)"
  }

  // MARK: End

  /// Ends a sign-in: whom the provider vouches for, and where the browser goes. Throws a 401 `Problem` for whatever is
  /// not as it was begun, 502 when the provider fails.
  func end(_ name: String, query: QueryItems, browser: String?) async throws(Problem) -> (Person, returnTo: String) {
    let provider = try provider(name)
    let pending = try await pending(query, browser: browser, provider: name)
    guard let discovery = await provider.discovery.value() else { throw Problem(.identityProviderUnavailable) }
    let named = query.values(of: "iss")
    guard named.isEmpty ? !discovery.metadata.namesIssuer : named == [provider.declaration.issuer] else {
      throw FederationClient.refused("the answer is another provider's")
    }
    guard query["error"] == nil else { throw FederationClient.refused("the provider refused the sign-in") }
    let codes = query.values(of: "code")
    guard codes.count == 1, !codes[0].isEmpty, codes[0].utf8.count <= FederationClient.codeBytesMax else {
      throw FederationClient.refused("the answer of the provider has no code")
    }
    let text = try await idToken(provider, discovery, code: codes[0], pending)
    let claims = try await claims(text, provider)
    guard claims.string("nonce") == pending.nonce else { throw FederationClient.refused("the nonce is another one's") }
    return (try FederationClient.person(claims, provider.declaration), pending.returnTo)
  }

  /// The sign-in that an answer belongs to. It is good once, and in the browser that began it.
  private func pending(
    _ query: QueryItems, browser: String?, provider: String
  ) async throws(Problem) -> PendingFederation {
    let states = query.values(of: "state")
    guard states.count == 1, states[0].utf8.count == 43, let browser else {
      throw FederationClient.refused("the browser did not begin it")
    }
    let bytes: [UInt8]?
    do {
      bytes = try await redis.send(["GETDEL", FederationClient.key(states[0])]).requireBytesOrNull()
    } catch { throw Problem(.signInUnavailable, retryAfterSeconds: 2) }
    guard let pending = bytes.flatMap({ PendingFederation($0) }), pending.provider == provider,
      pending.browserDigest == PendingFederation.digest(browser)
    else { throw FederationClient.refused("the browser did not begin it, or too long ago") }
    return pending
  }

  private func idToken(
    _ provider: Provider, _ discovery: Discovery, code: String, _ pending: PendingFederation
  ) async throws(Problem) -> String {
    let declaration = provider.declaration
    let secret = declaration.clientSecret.reveal()
    var form = [
      ("grant_type", "authorization_code"), ("code", code), ("redirect_uri", callback(provider)),
      ("code_verifier", pending.verifier),
    ]
    var authorization: String?
    if secret.isEmpty {
      form.append(("client_id", declaration.clientID))
    } else {
      // RFC 6749, section 2.3.1: both parts are encoded as in a form first.
      let pair = "\(PercentEncoding.encode(declaration.clientID)):\(PercentEncoding.encode(secret))"
      authorization = "Basic \(Base64.encode(Array(pair.utf8)))"
    }
    let bytes: [UInt8]
    do {
      bytes = try await client.post(
        "token", form: form, authorization: authorization, to: discovery.metadata.tokenEndpoint,
        within: discovery.reach, bytesMax: FederationClient.tokenBytesMax)
    } catch IssuerClient.Failure.status(let status) where (400...499).contains(status) {
      throw FederationClient.refused("the provider did not take the code")
    } catch { throw Problem(.identityProviderUnavailable) }
    let limits = JSONLimits(depthMax: 8, bytesMax: FederationClient.tokenBytesMax, nodesMax: 1000)
    guard let root = try? JSONDocument(parsing: bytes, limits: limits).root, let text = root["id_token"]?.string else {
      throw Problem(.identityProviderUnavailable)
    }
    return text
  }

  private func claims(_ text: String, _ provider: Provider) async throws(Problem) -> TokenClaims {
    let declaration = provider.declaration
    let rules = TokenRules(
      issuer: declaration.issuer, audience: declaration.clientID, algorithms: [.rs256, .es256], leewaySeconds: 60)
    do throws(TokenError) {
      let token = try SignedToken(text)
      guard rules.algorithms.contains(token.algorithm) else { throw .algorithm }
      guard let keys = await provider.keys.value({ $0.hasKey(for: token) }) else { throw .keysUnavailable }
      let claims = try TokenVerifier.verify(token, by: rules, with: keys, unixSeconds: clock())
      // OpenID Connect Core, section 3.1.3.7.
      if claims.audienceCount > 1 || claims.document.root["azp"] != nil, claims.string("azp") != declaration.clientID {
        throw .audience
      }
      return claims
    } catch {
      if error == .keysUnavailable { throw Problem(.identityProviderUnavailable) }
      throw FederationClient.refused("its token is not accepted (\(error.rawValue))")
    }
  }

  /// The e-mail address that a provider has verified. A name alone is nobody: anybody could have entered it.
  private static func person(
    _ claims: TokenClaims, _ provider: ProviderDeclaration
  ) throws(Problem) -> Person {
    guard let email = claims.string("email").flatMap({ EmailForm.normalized($0) }),
      claims.document.root["email_verified"]?.bool == true, let tenant = provider.tenant
    else { throw refused("it has not verified the e-mail address") }
    return Person(tenant: tenant, email: email)
  }

  static func refused(_ reason: String) -> Problem {
    Problem(.providerSignInFailed, "The sign-in at the identity provider failed: \(reason). Begin again.")
  }
}
