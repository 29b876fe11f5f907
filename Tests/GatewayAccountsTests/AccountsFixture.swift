import Contracts
import Foundation
import GatewayIdentity
import GatewayRequests
import HTTP
import HTTPWire
import JSON
import PostgresTestKit
import Primitives
import Reactor
import Settings
import SystemSources
import Telemetry
import Tenancy
import Testing

@testable import GatewayAccounts

/// Everything that needs the private cluster, one test after the other.
@Suite(.serialized) enum AccountTests {}

/// One private cluster, on which gateways run.
enum AccountsDatabase {
  static let shared = Result { try TestCluster("accounts", schema: "gateway") }
}

/// Hashes that anybody can read.
struct PlainHashing: PasswordHashing {
  func hash(_ password: String) async throws(Problem) -> String {
    guard password.utf8.count >= 8 else { throw Problem(.invalidInput) }
    return "plain:\(password.utf8.count)"
  }
}

/// A gateway that answers the addresses of accounts.
struct AccountsGateway: Sendable {
  static let operatorKey = "an-operator-key-of-the-configuration"
  private static let table = SettingsTable([APIKeys.keys, APIKeys.key, APIKeys.tenant] + Accounts.settings)

  let client: HTTPClient
  let port: Int
  let accounts: Accounts
  /// What has the services follow, where there are some. A test has it work.
  let orders: TenantOrders?
  /// The tenant of the key of the configuration.
  let home: TenantID

  struct Answer: Sendable {
    let status: Int
    let headers: HTTPHeaders
    let text: String

    /// A member of the document.
    subscript(_ name: String) -> String { (try? JSONDocument(parsing: text).root)?[name]?.string ?? "" }
    var code: String { self["code"] }
    var root: JSONView? { try? JSONDocument(parsing: text).root }
  }

  /// Runs `body` with as many gateways as are asked for, on one database.
  static func run(
    _ count: Int = 1, passwords: (any PasswordHashing)? = PlainHashing(), services: FakeServices? = nil,
    sessions: (any SessionDeciding)? = nil, _ body: @escaping @Sendable ([AccountsGateway]) async throws -> Void
  ) async throws {
    let database = try AccountsDatabase.shared.get()
    let group = EventLoopGroup(count: 1)
    let client = HTTPClient(group: group, telemetry: .disabled())
    let home = TenantID(UUID.version7())
    let overrides = [
      SettingsOverride(key: "auth.key", value: operatorKey), SettingsOverride(key: "auth.tenant", value: "\(home)"),
      SettingsOverride(key: "identity.key_secrets", value: "a:" + String(repeating: "s", count: 32)),
      SettingsOverride(key: "postgres.url", value: database.connectionString),
    ]
    let settings = try table.load(SettingsSources(overrides: overrides))
    var gateways: [AccountsGateway] = []
    var servers: [HTTPServer] = []
    var tasks: [Task<Void, any Error>] = []
    for _ in 0..<count {
      let keys = try APIKeys(settings)
      let accounts = try Accounts(settings, tenants: keys.tenants, group: group, telemetry: .disabled())
      try await group.loops[0].task {
        try await accounts.migrate()
        try await accounts.prepare()
      }.value
      tasks.append(group.loops[0].task { await accounts.run() })
      let pipeline = RequestPipeline(
        authenticator: CompositeAuthenticator(
          [keys, accounts.directory], tenants: accounts.directory, telemetry: .disabled()))
      var router = Router()
      let orders = services.map { services in
        TenantOrders(
          store: accounts.storage.tenants, services: services,
          deletion: TenantDeletion(
            data: TenantData(pool: accounts.pool, schema: "gateway", tables: GatewayTenants.tables),
            states: TenantStates(pool: accounts.pool), extras: TenantExtras(), logger: Telemetry.disabled().logger),
          audit: services, telemetry: .disabled())
      }
      AccountRoutes(
        storage: accounts.storage, hasher: accounts.hasher, directory: accounts.directory, passwords: passwords,
        sessions: sessions, orders: orders
      )
      .add(to: &router, pipeline)
      let server = HTTPServer(
        group: group, configuration: HTTPServerConfiguration(address: .host("127.0.0.1", port: 0)), router: router,
        telemetry: .disabled())
      gateways.append(
        AccountsGateway(
          client: client, port: try await server.start(), accounts: accounts, orders: orders, home: home))
      servers.append(server)
    }
    let made = gateways
    let result = await group.loops[0].task { try await body(made) }.result
    for task in tasks { task.cancel() }
    _ = await group.loops[0].task { for gateway in made { await gateway.accounts.close() } }.result
    await client.close(group: group)
    for server in servers { await server.stop(grace: .milliseconds(100)) }
    group.stop()
    try result.get()
  }

  /// Sends a request, with the key of the configuration unless another is given.
  func send(
    _ method: HTTPMethod, _ path: String, _ body: String? = nil, key: String? = operatorKey,
    headers fields: [(String, String)] = []
  ) async throws -> Answer {
    var headers = HTTPHeaders()
    if let key { headers.append(.authorization, "Bearer \(key)") }
    if body != nil { headers.append(.contentType, "application/json") }
    for (name, value) in fields { headers.append(name, value) }
    let answer = try await client.send(
      HTTPClientRequest(
        method, try HTTPURL("http://127.0.0.1:\(port)\(path)"), headers: headers,
        body: body.map { .bytes(Array($0.utf8)) } ?? .none, timeout: .seconds(60)),
      peer: "gateway")
    let bytes = try await answer.body.collect(upTo: 16 << 20)
    return Answer(
      status: Int(answer.status.code), headers: answer.headers, text: String(decoding: bytes, as: UTF8.self))
  }

  /// A user of the home tenant with a key that can do all that the user can.
  func user(
    _ role: Role, in tenant: TenantID? = nil, isOperator: Bool = false
  ) async throws -> (id: String, key: String, keyID: String) {
    let path = tenant.map { "/operator/v1/tenants/\($0)/invitations" } ?? "/api/v1/invitations"
    let email = "u\(UUID.random())@example.com"
    let invited = try await send(
      .post, path, #"{"email": "\#(email)", "role": "\#(role.rawValue)", "is_operator": \#(isOperator)}"#)
    try #require(invited.status == 201, "\(invited.text)")
    let accepted = try await send(
      .post, "/api/v1/invitations/accept", #"{"token": "\#(invited["token"])", "key": {"name": "first"}}"#, key: nil)
    try #require(accepted.status == 201, "\(accepted.text)")
    return (accepted["id"], accepted["key"], accepted["key_id"])
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
