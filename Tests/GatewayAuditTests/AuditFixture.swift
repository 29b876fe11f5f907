import AuditChain
import Contracts
import Foundation
import GatewayAudit
import GatewayRequests
import GatewaySchema
import HTTP
import HTTPWire
import JSON
import Postgres
import PostgresTestKit
import Primitives
import Reactor
import Synchronization
import SystemSources
import Telemetry
import Testing

/// Everything that needs the private cluster, one test after the other.
@Suite(.serialized) enum AuditTests {}

/// One private cluster for the suite.
enum AuditCluster {
  static let shared = Result { try TestCluster("audit") }
}

/// Who asks, as the header `x-test` says.
struct ScriptedIdentity: RequestAuthenticating {
  func identity(of request: HTTPRequest, for route: RouteSpecification) async throws(Problem) -> Identity {
    switch request.headers["x-test"] {
    case "nobody"?: throw Problem(.unauthorized, code: "api_key_invalid", "No.")
    case "anonymous"?:
      return Identity(kind: .anonymous, caller: nil, role: .viewer, subject: "", credential: "")
    case let name?:
      return Identity(
        kind: .apiKey, caller: Caller(issuer: .gateway, tenant: AuditFixture.other, principal: name, scopes: []),
        role: .member, subject: name, credential: "key_2", grants: [.read, .write])
    case nil:
      return Identity(
        kind: .apiKey,
        caller: Caller(issuer: .gateway, tenant: AuditFixture.tenant, principal: "user_1", scopes: [.api, .operator]),
        role: .admin, subject: "user_1", credential: "key_1", grants: [.read, .write, .admin])
    }
  }
}

/// Refuses paths that end with `forbidden`, and cannot decide about those that end with `undecided`.
struct ScriptedAccess: AccessDeciding {
  func decide(_ identity: Identity, _ request: HTTPRequest, at route: RouteSpecification) async -> AccessDecision {
    let isUndecided = request.head.path.hasSuffix("undecided")
    return AccessDecision(
      isAllowed: !isUndecided && !request.head.path.hasSuffix("forbidden"), isUndecided: isUndecided, reason: "No.",
      id: "decision_1")
  }
}

/// A gateway with nothing but the audit log, on a schema of its own.
struct AuditFixture: Sendable {
  static let tenant = TenantID(UUID(high: 11, low: 1))
  static let other = TenantID(UUID(high: 11, low: 2))
  static let chain = AuditChainID(tenant)
  static let secret = "one:\(String(repeating: "k", count: 32))"

  let loop: EventLoop
  let client: HTTPClient
  let port: Int
  let store: AuditStore
  let writer: AuditWriter
  let pool: PostgresPool
  let telemetry: Telemetry
  let schema: String
  /// Changes that were made.
  let made: MadeChanges

  /// What the service behind has done.
  final class MadeChanges: Sendable {
    private let names = Mutex<[String]>([])
    func add(_ name: String) { names.withLock { $0.append(name) } }
    var all: [String] { names.withLock { $0 } }
  }

  private static let signInRoute = Routes.all.first { "\($0)" == "POST /auth/v1/sign-in" }
  private static let changeRoute = Routes.all.first { "\($0)" == "PATCH /api/v1/tasks/{id}" }
  private static let readRoute = Routes.all.first { "\($0)" == "GET /api/v1/tasks/{id}" }
  private static let modelRoute = Routes.all.first { "\($0)" == "POST /v1/chat/completions" }

  /// A name of a schema.
  private static func fresh() -> String {
    "audit_" + String(decoding: "\(UUID.random().low)".utf8.map { $0 + 49 }, as: UTF8.self)
  }

  /// Runs `body` with a gateway.
  static func run(
    refusalsPerSecond: Int = 1000, schema: String = fresh(), writes: Bool = true,
    _ body: @escaping @Sendable (AuditFixture) async throws -> Void
  ) async throws {
    let cluster = try AuditCluster.shared.get()
    let group = EventLoopGroup(count: 1)
    let telemetry = Telemetry.disabled()
    var configuration = PostgresConfiguration(connectionString: cluster.connectionString, schema: schema)
    // A busy machine must not look like a database that is away.
    configuration.statementTimeout = .seconds(120)
    configuration.unavailableTimeout = .seconds(60)
    let pool = PostgresPool(group: group, configuration: configuration, telemetry: telemetry)
    let store = AuditStore(pool: pool, keys: try AuditKeys(setting: secret, named: "audit.keys"))
    let writer = AuditWriter(store: store, refusalsPerSecond: refusalsPerSecond, telemetry: telemetry)
    let recorder = AuditRecorder(writer: writer) { _ in "192.0.2.1" }
    let pipeline = RequestPipeline(
      authenticator: ScriptedIdentity(), access: ScriptedAccess(), audit: recorder)
    let made = MadeChanges()
    var router = Router()
    AuditRoutes(pipeline: pipeline, store: store).add(to: &router)
    for route in [changeRoute, readRoute, modelRoute, signInRoute].compactMap({ $0 }) {
      pipeline.add(route, to: &router) { request, identity in
        let body = String(decoding: try await request.body.collect(), as: UTF8.self)
        made.add("\(identity.subject) \(route.method.name) \(body)")
        if body == "conflict" { throw Problem(.conflict, code: "conflict", "No.") }
        if body == "forbidden" || request.head.query == "forbidden" { return HTTPResponse(.forbidden) }
        return HTTPResponse(.ok)
      }
    }
    let server = HTTPServer(
      group: group, configuration: HTTPServerConfiguration(address: .host("127.0.0.1", port: 0)), router: router,
      telemetry: telemetry)
    let client = HTTPClient(group: group, telemetry: .disabled())
    let result = await group.loops[0].task {
      await pool.start()
      if try await pool.query("select to_regclass($1::text) is null", ["\(schema).audit_head"]).first?
        .decode(0, as: Bool.self) == true
      {
        try await Migrator(pool: pool, schema: schema, logger: telemetry.logger)
          .migrate(GatewaySchema.migrations)
      }
      let port = try await server.start()
      let work = writes ? group.loops[0].task { await writer.run() } : nil
      let fixture = AuditFixture(
        loop: group.loops[0], client: client, port: port, store: store, writer: writer, pool: pool,
        telemetry: telemetry, schema: schema,
        made: made)
      let result = await group.loops[0].task { try await body(fixture) }.result
      work?.cancel()
      _ = await work?.result
      if writes { await writer.close() }
      try result.get()
    }.result
    await client.close(group: group)
    await server.stop(grace: .milliseconds(100))
    _ = await group.loops[0].task { await pool.close() }.result
    group.stop()
    try result.get()
  }

  /// Sends a request.
  @discardableResult
  func send(
    _ method: HTTPMethod, _ path: String, _ body: String = "", as who: String? = nil
  ) async throws -> (status: Int, text: String) {
    var fields = HTTPHeaders()
    if let who { fields.append("x-test", who) }
    let answer = try await client.send(
      HTTPClientRequest(
        method, try HTTPURL("http://127.0.0.1:\(port)\(path)"), headers: fields, body: .bytes(Array(body.utf8)),
        timeout: .seconds(60)), peer: "gateway")
    return (
      Int(answer.status.code), String(decoding: try await answer.body.collect(upTo: 64 << 20), as: UTF8.self)
    )
  }

  /// A change.
  @discardableResult
  func change(_ id: String = "task_1", _ body: String = "x", as who: String? = nil) async throws -> Int {
    try await send(.patch, "/api/v1/tasks/\(id)", body, as: who).status
  }

  /// Runs a statement as whoever has the database.
  func sql(_ text: String) throws {
    _ = try AuditCluster.shared.get().query("set search_path = \(schema); " + text)
  }

  /// All entries of a chain, oldest first, when there are so many.
  func entries(_ count: Int, _ chain: AuditChainID = chain) async throws -> [ChainedEntry] {
    for _ in 0..<12_000 {
      let found = try await store.entries(chain, AuditFilter(), below: nil, limit: 5000).entries
      if found.count >= count { return found.reversed() }
      try await EventLoop.sleep(for: .milliseconds(10))
    }
    Issue.record("there are no \(count) entries")
    return []
  }

  /// What is wrong with a chain.
  func faults(_ chain: AuditChainID = chain) async throws -> [AuditFault] { try await store.verify(chain).faults }
}
