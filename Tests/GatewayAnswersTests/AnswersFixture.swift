import Foundation
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

@testable import Contracts
@testable import GatewayAnswers

/// Everything that needs the private cluster.
@Suite(.serialized) enum AnswersTests {}

/// One private cluster with the table of answers.
enum AnswersDatabase {
  static let shared = Result {
    let cluster = try TestCluster("answers", schema: GatewaySchema.name)
    try cluster.makeSchema(GatewaySchema.migrations)
    return cluster
  }
}

/// Whoever shows `TENANT/NAME` is that.
private struct NamedCallers: RequestAuthenticating {
  func identity(of request: HTTPRequest, for route: RouteSpecification) async throws(Problem) -> Identity {
    let parts = (request.headers[.authorization] ?? "").split(separator: "/")
    guard parts.count == 2, let tenant = TenantID(parts[0]) else { throw Problem(.unauthorized) }
    let name = String(parts[1])
    let caller = Caller(issuer: .gateway, tenant: tenant, principal: name, scopes: [.api])
    return Identity(
      kind: .apiKey, caller: caller, role: .member, subject: name, credential: "key_" + name, grants: [.read, .write])
  }
}

/// A gateway with an address that counts how often it was carried out.
struct AnswersFixture: Sendable {
  static let make = RouteSpecification(.post, "/things", .gateway, .tenant, "Makes a thing.")
  static let model = RouteSpecification(.post, "/model", .router, .models, cancelsOnDisconnect: true, "Asks.")
  static let honoured = RouteSpecification(
    .post, "/honoured", .orchestrator, .tenant, repetition: .withKey, "Keeps its keys.")

  let client: HTTPClient
  let ports: [Int]
  let effects: Effects
  let answers: [IdempotentAnswers]
  let tenant = TenantID.make()

  final class Effects: Sendable {
    private struct State {
      var count = 0
      var isHeld = false
      var next: (@Sendable (Int) throws -> HTTPResponse)?
    }
    private let state = Mutex(State())
    var count: Int { state.withLock { $0.count } }
    func hold(_ isHeld: Bool) { state.withLock { $0.isHeld = isHeld } }
    /// What is answered from now on.
    func answer(_ next: @escaping @Sendable (Int) throws -> HTTPResponse) { state.withLock { $0.next = next } }

    func make() async throws -> HTTPResponse {
      let (count, next) = state.withLock { state in
        state.count += 1
        return (state.count, state.next)
      }
      while state.withLock({ $0.isHeld }) { try? await EventLoop.sleep(for: .milliseconds(5)) }
      if let next { return try next(count) }
      var answer = HTTPResponse.json(.created) { $0.member("number", Int64(count)) }
      answer.headers.append(.location, "/things/\(count)")
      answer.headers.append("x-once", "yes")
      return answer
    }
  }

  static func run(
    replicas: Int = 1, store: (any AnswerStoring)? = nil,
    _ body: @escaping @Sendable (AnswersFixture) async throws -> Void
  ) async throws {
    let database = try AnswersDatabase.shared.get()
    let group = EventLoopGroup(count: 1)
    var configuration = PostgresConfiguration(connectionString: database.connectionString)
    configuration.schema = "gateway"
    let pool = PostgresPool(group: group, configuration: configuration, telemetry: .disabled())
    _ = await group.loops[0].task { await pool.start() }.result
    let effects = Effects()
    var (ports, servers, all): ([Int], [HTTPServer], [IdempotentAnswers]) = ([], [], [])
    for _ in 0..<replicas {
      let answers = IdempotentAnswers(store: store ?? AnswerStore(pool: pool), telemetry: .disabled())
      let pipeline = RequestPipeline(authenticator: NamedCallers(), answers: answers)
      var router = Router()
      for route in [make, model, honoured] {
        pipeline.add(route, to: &router) { request, _ in
          _ = try await request.body.collect()
          return try await effects.make()
        }
      }
      let server = HTTPServer(
        group: group, configuration: HTTPServerConfiguration(address: .host("127.0.0.1", port: 0)), router: router,
        telemetry: .disabled())
      ports.append(try await server.start())
      servers.append(server)
      all.append(answers)
    }
    let client = HTTPClient(group: group, telemetry: .disabled())
    let fixture = AnswersFixture(client: client, ports: ports, effects: effects, answers: all)
    let result = await group.loops[0].task { try await body(fixture) }.result
    effects.hold(false)
    await client.close(group: group)
    for server in servers { await server.stop(grace: .milliseconds(100)) }
    _ = await group.loops[0].task { await pool.close() }.result
    group.stop()
    try result.get()
  }

  struct Answer: Sendable, Equatable {
    let status: Int
    let text: String
    let isRepeated: Bool
    let location: String?
    let note: String?
  }

  func post(
    _ path: String = "/things", key: String? = "k", body: String = "{}", who: String = "alice", replica: Int = 0,
    tenant: TenantID? = nil
  ) async throws -> Answer {
    var headers: HTTPHeaders = [
      "authorization": "\(tenant ?? self.tenant)/\(who)", "content-type": "application/json",
    ]
    if let key { headers.append(.idempotencyKey, key) }
    let answer = try await client.send(
      HTTPClientRequest(
        .post, try HTTPURL("http://127.0.0.1:\(ports[replica])\(path)"), headers: headers,
        body: .bytes(Array(body.utf8)),
        timeout: .seconds(60)), peer: "gateway")
    let bytes = try await answer.body.collect(upTo: 4 << 20)
    return Answer(
      status: Int(answer.status.code), text: String(decoding: bytes, as: UTF8.self),
      isRepeated: answer.headers["idempotent-replayed"] == "true", location: answer.headers[.location],
      note: answer.headers["idempotency-key-status"])
  }

  func until(_ what: String, _ holds: @Sendable () async throws -> Bool) async throws {
    let limit = MonotonicClock.now() + 90_000_000_000
    while MonotonicClock.now() < limit {
      if try await holds() { return }
      try await EventLoop.sleep(for: .milliseconds(10))
    }
    Issue.record("not within 90 s: \(what)")
  }
}
