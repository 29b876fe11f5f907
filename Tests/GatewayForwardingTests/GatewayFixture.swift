import Contracts
import GatewayForwarding
import GatewayIdentity
import GatewayRequests
import HTTP
import HTTPWire
import Reactor
import ServiceKit
import Settings
import Telemetry
import Testing

/// A gateway with its real table, before a fake service.
struct GatewayFixture: Sendable {
  static let key = "a-key-of-16-bytes"
  private static let table = SettingsTable([APIKeys.keys, APIKeys.key, APIKeys.tenant])

  let client: HTTPClient
  let port: Int

  /// Runs `body` with a gateway whose services listen at `ports`.
  static func run(
    before ports: [Int], timeout: Duration = .seconds(10),
    _ body: @escaping @Sendable (GatewayFixture) async throws -> Void
  ) async throws {
    let group = EventLoopGroup(count: 1)
    let client = HTTPClient(group: group, telemetry: .disabled())
    let keys = try SigningKeys(issuer: .gateway, setting: "a:" + String(repeating: "s", count: 32), named: "keys")
    let settings = try table.load(SettingsSources(overrides: [SettingsOverride(key: "auth.key", value: key)]))
    let urls = ports.map { "http://127.0.0.1:\($0)" }.joined(separator: ",")
    func upstream(_ service: Audience) throws -> Upstream {
      Upstream(
        service, peers: try PeerSet(urls, order: .roundRobin), assertions: CallerAssertions(AssertionSigner(keys)),
        client: client, timeout: timeout, callerHeaders: [InternalHeader.project])
    }
    let routes = ForwardedRoutes(
      pipeline: RequestPipeline(authenticator: try APIKeys(settings)), orchestrator: try upstream(.orchestrator),
      router: try upstream(.router))
    var router = Router()
    routes.add(to: &router)
    var configuration = HTTPServerConfiguration(address: .host("127.0.0.1", port: 0))
    configuration.problemResponse = { problem, head, traceID in
      ModelProblem.response(problem, to: head, traceID: traceID) ?? problem.response(traceID: traceID)
    }
    let server = HTTPServer(group: group, configuration: configuration, router: router, telemetry: .disabled())
    let fixture = GatewayFixture(client: client, port: try await server.start())
    let result = await group.loops[0].task { try await body(fixture) }.result
    await client.close(group: group)
    await server.stop(grace: .milliseconds(100))
    group.stop()
    try result.get()
  }

  /// Sends a request with the API key, as callers do: once.
  func send(
    _ method: HTTPMethod, _ path: String, _ body: HTTPClientRequest.Body = .none, key: String? = key,
    headers fields: [(String, String)] = []
  ) async throws -> (status: Int, headers: HTTPHeaders, body: String) {
    var headers = HTTPHeaders()
    if let key { headers.append(.authorization, "Bearer \(key)") }
    for (name, value) in fields { headers.append(name, value) }
    let answer = try await client.send(
      HTTPClientRequest(
        method, try HTTPURL("http://127.0.0.1:\(port)\(path)"), headers: headers, body: body, timeout: .seconds(20)),
      peer: "gateway")
    let bytes = try await answer.body.collect(upTo: 64 << 20)
    return (Int(answer.status.code), answer.headers, String(decoding: bytes, as: UTF8.self))
  }
}
