import Contracts
import Crypto
import GatewayAccounts
import GatewayRequests
import HTTP
import HTTPWire
import JSON
import Primitives
import Reactor
import Redis
import RedisTestKit
import Settings
import Synchronization
import SystemSources
import Telemetry
import Testing

@testable import GatewaySignIn

/// A time that tests move.
final class TestTime: Sendable {
  private let shift = Mutex<Int64>(0)

  var now: Timestamp { Timestamp(unixMicroseconds: WallClock.now().unixMicroseconds + shift.withLock { $0 }) }
  var unixSeconds: Int64 { now.unixMicroseconds / 1_000_000 }
  func advance(seconds: Int64) { shift.withLock { $0 += seconds * 1_000_000 } }
}

/// What an answer was.
struct Answer: Sendable {
  let status: Int
  let headers: HTTPHeaders
  let text: String

  /// The code of a problem, or the member of a document.
  var code: String { self["code"] ?? "" }
  subscript(_ name: String) -> String? { (try? JSONDocument(parsing: text))?.root[name]?.string }
  var root: JSONView? { (try? JSONDocument(parsing: text))?.root }
}

/// A gateway with the addresses of sign-in, one of a tenant, and nothing else.
struct SignInFixture: Sendable {
  static let password = "correct horse battery"
  static let cheap = PasswordHash.Cost(logRounds: 4, blockSize: 8, parallelism: 1) ?? .standard
  static let hash =
    PasswordHash.make(Array(password.utf8), salt: [UInt8](repeating: 3, count: 16), cost: cheap)?.text ?? ""

  let accounts: FakeAccounts
  let time: TestTime
  let client: HTTPClient
  let group: EventLoopGroup
  let redis: RedisPool
  let port: Int
  let registry: MetricsRegistry
  let service: SignInService

  /// As in production, but with pauses that do not end while a test runs.
  private static let patient: AttemptLimiter.Rules = {
    var rules = AttemptLimiter.Rules()
    func patient(_ rule: AttemptLimiter.Rule) -> AttemptLimiter.Rule {
      AttemptLimiter.Rule(
        freeAttempts: rule.freeAttempts, pauseMilliseconds: 600_000, pauseMillisecondsMax: 900_000,
        memoryMilliseconds: 3_600_000)
    }
    rules.pair = patient(rules.pair)
    rules.account = patient(rules.account)
    rules.code = patient(rules.code)
    rules.address = patient(rules.address)
    return rules
  }()

  /// The key of an installation before its keys were changed.
  static let oldKey = (id: [UInt8(2)], secret: [UInt8](repeating: 6, count: 32))
  private static let sealer = SecretSealer(keys: [(id: [1], secret: [UInt8](repeating: 5, count: 32)), oldKey])

  private struct Composite: RequestAuthenticating {
    let parts: [any CredentialChecking]
    func identity(of request: HTTPRequest, for route: RouteSpecification) async throws(Problem) -> Identity {
      if route.access == .anonymous { return .anonymous }
      for part in parts { if let identity = try await part.check(request, for: route) { return identity } }
      throw Problem(.unauthorized)
    }
  }

  /// Runs `body` with a gateway. Lines of `file` are its configuration; Redis is its own unless `redisURL` names
  /// another. The address of a client is what it says in `x-test-address`.
  static func run(
    file: String = "", settings overrides: [(String, String)] = [], redisURL: String? = nil,
    rules: RefreshState.Rules = RefreshState.Rules(), port: Int = 0, policy: (any SessionDeciding)? = nil,
    resolver: any HostResolver = SystemResolver(), _ body: @escaping @Sendable (SignInFixture) async throws -> Void
  ) async throws {
    let group = EventLoopGroup(count: 1)
    let telemetry = Telemetry.disabled()
    let client = HTTPClient(group: group, telemetry: telemetry)
    let folder = TestFolder()
    let server = redisURL == nil ? try SocketRedis() : nil
    defer { server?.stop() }
    var configuration = try RedisConfiguration(url: redisURL ?? server?.url ?? "")
    configuration.commandTimeout = .seconds(20)
    configuration.connectTimeout = .seconds(20)
    let redis = RedisPool(group: group, configuration: configuration)
    await redis.start()
    let path = "\(folder.path)/settings.yaml"
    try write(file, to: path)
    let settings = try SettingsTable(SignInSettings.all).load(
      SettingsSources(
        file: file.isEmpty ? nil : path, overrides: overrides.map { SettingsOverride(key: $0.0, value: $0.1) }))
    let (accounts, time) = (FakeAccounts(), TestTime())
    let parts = SignInParts(
      redis: redis, accounts: accounts, changes: accounts, notices: accounts, tenants: accounts,
      sealer: sealer, policy: policy,
      clientAddress: { $0.headers["x-test-address"] })
    let service = try SignInService(
      parts, settings: settings, client: client, group: group, telemetry: telemetry, cost: cheap, rules: rules,
      limits: patient, resolver: resolver, clock: { time.now })
    let pipeline = RequestPipeline(authenticator: Composite(parts: [service.tokens, service.sessions]))
    var router = Router()
    service.add(to: &router, through: pipeline)
    for route in Routes.all where ["GET /api/v1/tasks", "POST /api/v1/tasks"].contains("\(route)") {
      pipeline.add(route, to: &router) { _, identity in
        HTTPResponse.json { json in
          json.member("subject", identity.subject)
          json.member("credential", identity.credential)
          json.member("role", identity.role.rawValue)
          json.member("grants", identity.grants.names.joined(separator: ","))
          json.member("tenant", identity.tenant.map { "\($0)" } ?? "")
        }
      }
    }
    let front = HTTPServer(
      group: group, configuration: HTTPServerConfiguration(address: .host("127.0.0.1", port: port)), router: router,
      telemetry: telemetry)
    let fixture = SignInFixture(
      accounts: accounts, time: time, client: client, group: group, redis: redis, port: try await front.start(),
      registry: telemetry.registry, service: service)
    let result = await group.loops[0].task { try await body(fixture) }.result
    await client.close(group: group)
    await front.stop(grace: .milliseconds(100))
    await redis.close()
    group.stop()
    try result.get()
  }

  /// Sends a request.
  func send(
    _ method: HTTPMethod, _ path: String, _ body: String? = nil, headers fields: [(String, String)] = []
  ) async throws -> Answer {
    var headers = HTTPHeaders()
    if body != nil { headers.append(.contentType, "application/json") }
    for (name, value) in fields { headers.append(name, value) }
    let url = try HTTPURL(path.hasPrefix("http") ? path : "http://127.0.0.1:\(port)\(path)")
    let answer = try await client.send(
      HTTPClientRequest(
        method, url, headers: headers, body: body.map { .bytes(Array($0.utf8)) } ?? .none, timeout: .seconds(60)),
      peer: "test")
    let bytes = try await answer.body.collect(upTo: 1 << 20)
    return Answer(
      status: Int(answer.status.code), headers: answer.headers, text: String(decoding: bytes, as: UTF8.self))
  }

  /// A browser without cookies.
  func browser(address: String? = nil) -> Browser { Browser(fixture: self, address: address) }

  /// A user with the password of the tests; a fresh address each time.
  func user(
    tenant: TenantID = FakeAccounts.tenant(1), role: Role = .member, hash: String? = SignInFixture.hash,
    isOperator: Bool = false, tenantState: Tenant.State = .active
  ) -> (id: UserID, email: String) {
    let email = "user-\(Hex.encode(SystemRandom.bytes(6)))@example.com"
    let id = accounts.add(
      email, tenant: tenant, role: role, passwordHash: hash, isOperator: isOperator, tenantState: tenantState)
    return (id, email)
  }
}

/// A browser: it keeps cookies and shows the CSRF token of its page.
final class Browser: Sendable {
  let fixture: SignInFixture
  private let address: String?
  private let jar = Mutex<[String: String]>([:])
  private let token = Mutex<String?>(nil)

  init(fixture: SignInFixture, address: String?) {
    self.fixture = fixture
    self.address = address
  }

  var cookies: [String: String] {
    get { jar.withLock { $0 } }
    set { jar.withLock { $0 = newValue } }
  }
  var csrfToken: String? {
    get { token.withLock { $0 } }
    set { token.withLock { $0 = newValue } }
  }
  var session: String? { cookies["cadre_session"] }

  /// Sends a request as a page does.
  func send(
    _ method: HTTPMethod, _ path: String, _ body: String? = nil, headers: [(String, String)] = [],
    showsToken: Bool = true
  ) async throws -> Answer {
    var headers = headers
    let cookies = self.cookies
    if !cookies.isEmpty {
      headers.append(("cookie", cookies.map { "\($0.key)=\($0.value)" }.sorted().joined(separator: "; ")))
    }
    if let address { headers.append(("x-test-address", address)) }
    if showsToken, method != .get, let csrfToken { headers.append(("x-csrf-token", csrfToken)) }
    let answer = try await fixture.send(method, path, body, headers: headers)
    for field in answer.headers.values(of: .setCookie) {
      let pair = (field.split(separator: ";").first ?? "").split(separator: "=", maxSplits: 1)
      let isGone = field.contains("Max-Age=0")
      jar.withLock { $0[String(pair[0])] = isGone || pair.count < 2 ? nil : String(pair[1]) }
    }
    if let shown = answer["csrf_token"] { csrfToken = shown }
    return answer
  }

  /// Signs in.
  @discardableResult
  func signIn(_ email: String, _ password: String = SignInFixture.password, tenant: TenantID? = nil) async throws
    -> Answer
  {
    let named = tenant.map { ",\"tenant\":\"\($0)\"" } ?? ""
    return try await send(.post, "/auth/v1/sign-in", #"{"email":"\#(email)","password":"\#(password)"\#(named)}"#)
  }

  /// Whether the browser is signed in.
  func isSignedIn() async throws -> Bool { try await send(.get, "/api/v1/tasks").status == 200 }
}
