import Contracts
import Foundation
import GatewayAccess
import GatewayRequests
import GatewaySchema
import HTTP
import HTTPWire
import JSON
import PolicyDecisions
import Postgres
import PostgresTestKit
import Primitives
import Reactor
import SystemSources
import Telemetry
import Testing

@testable import GatewayPolicyControl

/// Everything that needs the private cluster, one test after the other.
@Suite(.serialized) enum PolicyControlTests {}

/// One private cluster, on which gateways run.
enum PolicyCluster {
  static let shared = Result { try TestCluster("policy", schema: "gateway") }
}

/// Who asks, as the field `x-test` says: `TENANT ROLE GRANT,GRANT`.
private struct ScriptedIdentity: RequestAuthenticating {
  func identity(of request: HTTPRequest, for route: RouteSpecification) async throws(Problem) -> Identity {
    let words = (request.headers["x-test"] ?? "").split(separator: " ").map(String.init)
    guard words.count == 3, let tenant = TenantID(words[0]), let role = Role(rawValue: words[1]) else {
      throw .unauthenticated("No.")
    }
    let grants = words[2].split(separator: ",").reduce(into: Grants()) { $0.formUnion(Grants(name: "\($1)") ?? []) }
    return Identity(
      kind: .apiKey,
      caller: Caller(issuer: .gateway, tenant: tenant, principal: "user_1", scopes: grants.scopes), role: role,
      subject: "user_1", credential: "key_1", grants: grants)
  }
}

/// A gateway with the shipped policies and the addresses that steer them.
struct PolicyGateway: Sendable {
  static let a = TenantID(UUID(high: 12, low: 1))
  static let b = TenantID(UUID(high: 12, low: 2))
  static let admin = "\(a) admin read,write,admin"
  static let otherAdmin = "\(b) owner read,write,admin"
  static let `operator` = "\(b) owner read,write,admin,operator"
  static let member = "\(a) member read,write"

  let client: HTTPClient
  let port: Int
  let engine: PolicyEngine
  let stored: StoredPolicies
  let store: PolicyStore
  let deliveries: PolicyDeliveries?

  struct Answer: Sendable {
    let status: Int
    let headers: HTTPHeaders
    let text: String
    var root: JSONView? { try? JSONDocument(parsing: text).root }
    var code: String { root?["code"]?.string ?? "" }
    var tag: String { headers[.eTag] ?? "" }
  }

  /// Runs `body` with gateways, one for each way to hear of changes.
  static func run(
    _ hearing: [(listens: Bool, every: Duration)] = [(true, .seconds(3600))], halted: Bool = false,
    services: [any PolicyReceiving] = [],
    _ body: @escaping @Sendable ([PolicyGateway]) async throws -> Void
  ) async throws {
    let cluster = try PolicyCluster.shared.get()
    let group = EventLoopGroup(count: 1)
    let telemetry = Telemetry.disabled()
    let pool = PostgresPool(
      group: group,
      configuration: PostgresConfiguration(connectionString: cluster.connectionString, schema: "gateway"),
      telemetry: telemetry)
    let bundle = try PolicyBundle(folder: (#filePath as NSString).deletingLastPathComponent + "/../../policies")
    let client = HTTPClient(group: group, telemetry: telemetry)
    let result = await group.loops[0].task {
      try await GatewaySchema.migrate(pool, logger: telemetry.logger)
      try cluster.query(
        """
        truncate policy_data; update policy_switch set mode = null, canary_percent = null, is_halted = null;
        insert into tenant (tenant_id, name, created_by) values ('\(a.uuid)', 'a', 't'), ('\(b.uuid)', 'b', 't')
        on conflict do nothing; select 1
        """)
      var gateways: [PolicyGateway] = []
      var servers: [HTTPServer] = []
      var tasks: [Task<Void, any Error>] = []
      for (listens, interval) in hearing {
        let engine = PolicyEngine(
          bundle: bundle, control: PolicyControl(PolicySwitches(isHalted: halted)), telemetry: Telemetry.disabled())
        let store = PolicyStore(pool: pool)
        let deliveries =
          services.isEmpty
          ? nil
          : PolicyDeliveries(store, to: services, every: .milliseconds(50), telemetry: Telemetry.disabled())
        let stored = StoredPolicies(
          store, engine.control, listens: listens, every: interval, telemetry: Telemetry.disabled()
        ) { deliveries?.wake() }
        try await stored.load()
        tasks.append(group.loops[0].task { await stored.run() })
        var router = Router()
        let pipeline = RequestPipeline(authenticator: ScriptedIdentity(), access: PolicyAccess(engine))
        PolicyRoutes(stored: stored, store: store, engine: engine, deliveries: deliveries) { $0 == a || $0 == b }.add(
          to: &router, pipeline)
        for route in [Routes.auditEntries] { pipeline.add(route, to: &router) { _, _ in HTTPResponse(.ok) } }
        let server = HTTPServer(
          group: group, configuration: HTTPServerConfiguration(address: .host("127.0.0.1", port: 0)), router: router,
          telemetry: telemetry)
        servers.append(server)
        gateways.append(
          PolicyGateway(
            client: client, port: try await server.start(), engine: engine, stored: stored, store: store,
            deliveries: deliveries))
      }
      let result = await group.loops[0].task { [gateways] in try await body(gateways) }.result
      for task in tasks { task.cancel() }
      for gateway in gateways { gateway.stored.close() }
      for server in servers { await server.stop(grace: .milliseconds(100)) }
      await pool.close()
      try result.get()
    }.result
    await client.close(group: group)
    group.stop()
    try result.get()
  }

  @discardableResult
  func send(
    _ method: HTTPMethod, _ path: String, _ body: String? = nil, as who: String = admin, ifMatch: String? = nil
  ) async throws -> Answer {
    var headers = HTTPHeaders()
    headers.append("x-test", who)
    if let ifMatch { headers.append(.ifMatch, ifMatch) }
    if body != nil { headers.append(.contentType, "application/json") }
    let answer = try await client.send(
      HTTPClientRequest(
        method, try HTTPURL("http://127.0.0.1:\(port)\(path)"), headers: headers,
        body: body.map { .bytes(Array($0.utf8)) } ?? .none, timeout: .seconds(60)),
      peer: "gateway")
    let bytes = try await answer.body.collect(upTo: 16 << 20)
    return Answer(
      status: Int(answer.status.code), headers: answer.headers, text: String(decoding: bytes, as: UTF8.self))
  }

  /// Asks again and again until a condition holds.
  func eventually(_ what: String, _ isTrue: () async throws -> Bool) async throws {
    for _ in 0..<12_000 {
      if try await isTrue() { return }
      try await EventLoop.sleep(for: .milliseconds(5))
    }
    Issue.record("\(what): not within a minute")
  }
}
