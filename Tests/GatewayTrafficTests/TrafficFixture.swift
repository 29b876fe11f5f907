import GatewayRequests
import HTTP
import HTTPWire
import Primitives
import Reactor
import Redis
import RedisTestKit
import Synchronization
import SystemSources
import Telemetry
import Testing

@testable import Contracts
@testable import GatewayTraffic

/// Whoever shows `good-NAME` is the credential NAME of the one tenant, who shows `good-NAME@other` that of another one,
/// and nobody else is anybody.
struct FakeAuthenticator: RequestAuthenticating {
  let tenant: TenantID
  private let other = TenantID.make()

  init(tenant: TenantID) { self.tenant = tenant }

  func identity(of request: HTTPRequest, for route: RouteSpecification) async throws(Problem) -> Identity {
    if route.access == .anonymous {
      return Identity(kind: .anonymous, caller: nil, role: .viewer, subject: "nobody", credential: "none")
    }
    guard let key = request.headers[.authorization], key.hasPrefix("Bearer good-") else { throw Problem(.unauthorized) }
    let shown = key.dropFirst("Bearer good-".count).split(separator: "@")
    let name = "key:" + (shown.first ?? "")
    let caller = Caller(issuer: .gateway, tenant: shown.count > 1 ? other : tenant, principal: name, scopes: [.api])
    return Identity(
      kind: .configuredKey, caller: caller, role: .owner, subject: name, credential: name, grants: [.read, .write])
  }
}

/// Replicas of a gateway that share a Redis, with a few addresses.
struct TrafficFixture: Sendable {
  static let read = RouteSpecification(.get, "/things/{id}", .gateway, .tenant, "Describes a thing.")
  static let write = RouteSpecification(.post, "/things", .gateway, .tenant, "Makes a thing.")
  static let stream = RouteSpecification(
    .get, "/things/{id}/events", .gateway, .tenant, cancelsOnDisconnect: true, "Follows a thing.")
  static let signIn = RouteSpecification(.post, "/session", .gateway, .anonymous, "Signs in.")

  let client: HTTPClient
  let ports: [Int]
  let limiters: [TrafficLimiter]
  /// Requests wait here while it is closed.
  let gate: Gate

  static func run(
    replicas: Int = 1, _ table: LimitTable, redis: PortRedis,
    _ adjust: (inout TrafficLimiter.Configuration) -> Void = { _ in },
    _ body: @escaping @Sendable (TrafficFixture) async throws -> Void
  ) async throws {
    let group = EventLoopGroup(count: 1)
    let gate = Gate()
    let tenant = TenantID.make()
    var configuration = TrafficLimiter.Configuration(load: LoadState.Limits(inFlightMax: 1000, longMax: 1000))
    configuration.shedPause = .milliseconds(1)
    adjust(&configuration)
    var (ports, limiters): ([Int], [TrafficLimiter]) = ([], [])
    var servers: [HTTPServer] = []
    var pools: [RedisPool] = []
    for _ in 0..<replicas {
      var redisConfiguration = RedisConfiguration(address: redis.address)
      redisConfiguration.retryPauseMax = .milliseconds(100)
      let pool = RedisPool(group: group, configuration: redisConfiguration)
      let limiter = TrafficLimiter(
        table, redis: RedisLimitStore(redis: pool, timeout: .seconds(30)), configuration: configuration,
        telemetry: .disabled())
      var router = Router()
      TrafficFixture.add(
        RequestPipeline(authenticator: FakeAuthenticator(tenant: tenant), traffic: limiter), to: &router, gate)
      var serverConfiguration = HTTPServerConfiguration(address: .host("127.0.0.1", port: 0))
      var edge = HTTPEdge()
      edge.trustedProxies = TrustedProxies([IPNetwork("127.0.0.0/8")].compactMap { $0 })
      serverConfiguration.edge = edge
      let server = HTTPServer(
        group: group, configuration: serverConfiguration, router: router, telemetry: .disabled())
      await pool.start()
      ports.append(try await server.start())
      servers.append(server)
      pools.append(pool)
      limiters.append(limiter)
    }
    let client = HTTPClient(group: group, telemetry: .disabled())
    let fixture = TrafficFixture(client: client, ports: ports, limiters: limiters, gate: gate)
    let result = await group.loops[0].task { try await body(fixture) }.result
    gate.open()
    await client.close(group: group)
    for server in servers { await server.stop(grace: .milliseconds(100)) }
    for pool in pools { await pool.close() }
    group.stop()
    try result.get()
  }

  private static func add(_ pipeline: RequestPipeline, to router: inout Router, _ gate: Gate) {
    pipeline.add(read, to: &router) { _, _ in .text(.ok, "a thing") }
    pipeline.add(write, to: &router) { _, _ in
      await gate.wait()
      return .text(.created, "made")
    }
    pipeline.add(stream, to: &router) { _, _ in
      .events(heartbeat: .milliseconds(50)) { writer in
        try await writer.send(ServerSentEvent(data: Array("one".utf8)))
        await gate.wait()
      }
    }
    pipeline.add(signIn, to: &router) { _, _ in .text(.ok, "who?") }
  }

  struct Answer: Sendable {
    let status: Int
    let headers: HTTPHeaders
    let text: String
  }

  func send(
    _ method: HTTPMethod = .get, _ path: String = "/things/1", key: String? = "good-a", replica: Int = 0,
    from address: String? = nil
  ) async throws -> Answer {
    var headers = HTTPHeaders()
    if let key { headers.append(.authorization, "Bearer \(key)") }
    if let address { headers.append(.xForwardedFor, address) }
    let answer = try await client.send(
      HTTPClientRequest(
        method, try HTTPURL("http://127.0.0.1:\(ports[replica])\(path)"), headers: headers, body: .none,
        timeout: .seconds(60)), peer: "gateway")
    let bytes = try await answer.body.collect(upTo: 1 << 20)
    return Answer(
      status: Int(answer.status.code), headers: answer.headers, text: String(decoding: bytes, as: UTF8.self))
  }

  /// Begins a stream; the answer has begun, and its body goes on.
  func follow(key: String = "good-a") async throws -> HTTPClientResponse {
    try await client.send(
      HTTPClientRequest(
        .get, try HTTPURL("http://127.0.0.1:\(ports[0])/things/1/events"),
        headers: ["authorization": "Bearer \(key)"], body: .none, timeout: .seconds(60)), peer: "gateway")
  }

  /// Waits until something holds.
  func until(_ what: String, _ holds: @Sendable () async throws -> Bool) async throws {
    let limit = MonotonicClock.now() + 90_000_000_000
    while MonotonicClock.now() < limit {
      if try await holds() { return }
      try await EventLoop.sleep(for: .milliseconds(10))
    }
    Issue.record("not within 90 s: \(what)")
  }
}

/// Lets everybody wait until it is opened.
final class Gate: Sendable {
  private struct State {
    var isOpen = true
    var waiting = 0
  }

  private let state = Mutex(State())

  var waiting: Int { state.withLock { $0.waiting } }
  func open() { state.withLock { $0.isOpen = true } }
  func close() { state.withLock { $0.isOpen = false } }

  func wait() async {
    state.withLock { $0.waiting += 1 }
    while !state.withLock({ $0.isOpen }) { try? await EventLoop.sleep(for: .milliseconds(5)) }
    state.withLock { $0.waiting -= 1 }
  }
}
