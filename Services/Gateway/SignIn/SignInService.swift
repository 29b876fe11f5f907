package import Crypto
package import GatewayAccounts
package import GatewayRequests
package import HTTP
internal import HTTPWire
internal import Primitives
package import Reactor
package import Redis
package import Settings
internal import SystemSources
package import Telemetry

/// What signing in needs of the gateway.
package struct SignInParts: Sendable {
  /// Sessions, attempts, used codes.
  package let redis: RedisPool
  /// Who there is.
  package let accounts: any AccountReading
  /// What signing in changes of them.
  package let changes: any AccountWriting
  /// What else changes of them.
  package let notices: (any AccountNotifying)?
  /// Whether tenants may work.
  package let tenants: (any TenantAdmitting)?
  /// Seals secrets of second factors.
  package let sealer: SecretSealer
  /// What policies say of sessions.
  package let policy: (any SessionDeciding)?
  /// The audit log.
  package let recorder: (any SignInRecording)?
  /// The address of a client, as far as it can be believed; IPv6 by its network of 64 bits.
  package let clientAddress: @Sendable (HTTPRequest) -> String?

  /// Gathers the parts.
  package init(
    redis: RedisPool, accounts: any AccountReading, changes: any AccountWriting, notices: (any AccountNotifying)?,
    tenants: (any TenantAdmitting)?, sealer: SecretSealer,
    policy: (any SessionDeciding)? = nil, recorder: (any SignInRecording)? = nil,
    clientAddress: @escaping @Sendable (HTTPRequest) -> String? = { _ in nil }
  ) {
    self.redis = redis
    self.accounts = accounts
    self.changes = changes
    self.notices = notices
    self.tenants = tenants
    self.sealer = sealer
    self.policy = policy
    self.recorder = recorder
    self.clientAddress = clientAddress
  }
}

/// Signing in: the authenticators of sessions and of tokens, and the addresses under `/auth/v1`.
package struct SignInService: Sendable {
  /// Checks the cookies of browsers.
  package let sessions: SessionAuthenticator
  /// Checks signed tokens.
  package let tokens: TokenAuthenticator
  /// Hashes passwords, for accounts too.
  package let passwords: PasswordChecker

  let parts: SignInParts
  let store: SessionStore
  let attempts: AttemptLimiter
  let secondFactors: SecondFactorStore
  let federation: FederationClient
  let metrics: SignInMetrics
  let logger: Logger
  let idle: Duration
  let lifetime: Duration
  let clock: @Sendable () -> Timestamp

  /// Puts it together. Throws for settings that cannot be used.
  package init(
    _ parts: SignInParts, settings: Settings, client: HTTPClient, group: EventLoopGroup, telemetry: Telemetry
  ) throws {
    try self.init(
      parts, settings: settings, client: client, group: group, telemetry: telemetry, cost: .standard,
      rules: RefreshState.Rules(), limits: AttemptLimiter.Rules(), clock: { WallClock.now() })
  }

  init(
    _ parts: SignInParts, settings: Settings, client: HTTPClient, group: EventLoopGroup, telemetry: Telemetry,
    cost: PasswordHash.Cost, rules: RefreshState.Rules, limits: AttemptLimiter.Rules,
    resolver: any HostResolver = SystemResolver(), clock: @escaping @Sendable () -> Timestamp
  ) throws {
    let metrics = SignInMetrics(telemetry.registry)
    let origin = try SignInService.origin(settings[SignInSettings.url])
    let issuers = IssuerClient(
      client, resolver: resolver, metrics: metrics, logger: telemetry.logger)
    let seconds: @Sendable () -> Int64 = { clock().unixMicroseconds / 1_000_000 }
    store = SessionStore(parts.redis)
    sessions = SessionAuthenticator(
      store: store, cookies: CookieJar(isSecure: origin?.hasPrefix("https:") ?? false),
      browser: BrowserGuard(origin: origin), accounts: AccountCache(parts.accounts, notices: parts.notices),
      metrics: metrics, policy: parts.policy)
    tokens = try TokenAuthenticator(
      settings[SignInSettings.issuers], client: issuers, group: group, tenants: parts.tenants, metrics: metrics,
      rules: rules, clock: seconds)
    passwords = PasswordChecker(threads: settings[SignInSettings.hashThreads], cost: cost, metrics: metrics)
    attempts = AttemptLimiter(parts.redis, rules: limits)
    secondFactors = SecondFactorStore(parts.redis, sealer: parts.sealer)
    federation = try FederationClient(
      settings[SignInSettings.providers], client: issuers, group: group, redis: parts.redis, origin: origin ?? "",
      rules: rules, clock: seconds)
    idle = settings[SignInSettings.idle]
    lifetime = settings[SignInSettings.lifetime]
    logger = telemetry.logger
    self.metrics = metrics
    self.parts = parts
    self.clock = clock
  }

  /// The origin of `sign_in.url`, as browsers write it; `nil` when it is empty.
  private static func origin(_ text: String) throws -> String? {
    guard !text.isEmpty else { return nil }
    guard let url = try? HTTPURL(text), url.target == "/" else {
      throw SignInSettingsError(description: "sign_in.url is no origin: write https://HOST or https://HOST:PORT")
    }
    return "\(url.isSecure ? "https" : "http")://\(url.authority.lowercased())"
  }

  /// Adds the addresses.
  package func add(to router: inout Router, through pipeline: RequestPipeline) {
    addSessions(to: &router, through: pipeline)
    addRotation(to: &router, through: pipeline)
    addSecondFactor(to: &router, through: pipeline)
    addFederation(to: &router, through: pipeline)
  }
}
