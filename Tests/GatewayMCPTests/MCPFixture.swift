import Contracts
import GatewayForwarding
import GatewayIdentity
import GatewayMCP
import GatewayRequests
import HTTP
import HTTPWire
import JSON
import Reactor
import ServiceKit
import Settings
import Synchronization
import Telemetry
import Testing

/// The MCP server of a gateway, before a service that answers as a test says.
struct MCPFixture: Sendable {
  static let key = "a-key-of-16-bytes"
  private static let table = SettingsTable([APIKeys.keys, APIKeys.key, APIKeys.tenant] + MCPSettings.all)

  /// What the orchestrator was asked.
  final class Log: Sendable {
    struct Line: Sendable {
      let call: String
      let body: String
      let headers: HTTPHeaders
    }
    private let lines = Mutex<[Line]>([])
    func add(_ line: Line) { lines.withLock { $0.append(line) } }
    var all: [Line] { lines.withLock { $0 } }
  }

  let client: HTTPClient
  let port: Int
  let log: Log
  let registry: MetricsRegistry

  /// Runs `body` with a gateway whose orchestrator answers with `orchestrator`.
  static func run(
    settings overrides: [(String, String)] = [],
    orchestrator answer: @escaping @Sendable (HTTPRequest, String) async throws -> HTTPResponse = { _, _ in
      throw Problem.notFound("run")
    },
    _ body: @escaping @Sendable (MCPFixture) async throws -> Void
  ) async throws {
    let group = EventLoopGroup(count: 1)
    let client = HTTPClient(group: group, telemetry: .disabled())
    let log = Log()
    let behind = HTTPServer(
      group: group, configuration: HTTPServerConfiguration(address: .host("127.0.0.1", port: 0)),
      router: router { request in
        let text = String(decoding: try await request.body.collect(), as: UTF8.self)
        let target = request.head.query.map { "\(request.head.path)?\($0)" } ?? request.head.path
        log.add(Log.Line(call: "\(request.head.method.name) \(target)", body: text, headers: request.headers))
        return try await answer(request, text)
      }, telemetry: .disabled())
    let url = "http://127.0.0.1:\(try await behind.start())"
    let keys = try SigningKeys(issuer: .gateway, setting: "a:" + String(repeating: "s", count: 32), named: "keys")
    let settings = try table.load(
      SettingsSources(
        overrides: ([("auth.key", key)] + overrides).map { SettingsOverride(key: $0.0, value: $0.1) }))
    let upstream = Upstream(
      .orchestrator, peers: try PeerSet(url, order: .roundRobin), assertions: CallerAssertions(AssertionSigner(keys)),
      client: client, timeout: .seconds(60))
    let telemetry = Telemetry.disabled()
    let server = try MCPServer(
      pipeline: RequestPipeline(authenticator: try APIKeys(settings)), orchestrator: upstream, settings: settings,
      version: "1.2.3", telemetry: telemetry)
    var router = Router()
    server.add(to: &router)
    var configuration = HTTPServerConfiguration(address: .host("127.0.0.1", port: 0))
    configuration.problemResponse = { problem, head, traceID in
      MCPProblem.response(problem, to: head, traceID: traceID) ?? problem.response(traceID: traceID)
    }
    let front = HTTPServer(group: group, configuration: configuration, router: router, telemetry: .disabled())
    let fixture = MCPFixture(client: client, port: try await front.start(), log: log, registry: telemetry.registry)
    let result = await group.loops[0].task { try await body(fixture) }.result
    await client.close(group: group)
    await front.stop(grace: .milliseconds(100))
    await behind.stop(grace: .milliseconds(100))
    group.stop()
    try result.get()
  }

  private static func router(_ handler: @escaping HTTPHandler) -> Router {
    var router = Router()
    for method in [HTTPMethod.get, .post] {
      router.on(method, "/{rest*}", RouteOptions(bodyBytesMax: 8 << 20), handler)
    }
    return router
  }

  struct Answer: Sendable {
    let status: Int
    let headers: HTTPHeaders
    let text: String

    /// The message: the whole body, or the last event of a stream.
    func root() throws -> JSONView {
      guard headers[.contentType] == "text/event-stream" else { return try JSONDocument(parsing: text).root }
      let last = try #require(try events().last)
      return last
    }

    /// The messages of a stream.
    func events() throws -> [JSONView] {
      var parser = ServerSentEventParser()
      return try parser.feed(Array(text.utf8)).map { try JSONDocument(parsing: $0.data).root }
    }
  }

  /// Headers of revision 2026-07-28 for a request.
  static func modern(_ method: String, _ name: String? = nil) -> [(String, String)] {
    [("mcp-protocol-version", "2026-07-28"), ("mcp-method", method)] + (name.map { [("mcp-name", $0)] } ?? [])
  }

  /// `_meta` of a request of revision 2026-07-28.
  static let meta = """
    "_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},\
    "io.modelcontextprotocol/clientInfo":{"name":"test","version":"1"}}
    """

  /// Sends bytes as they are.
  func post(
    _ body: [UInt8], _ headers: [(String, String)] = [], key: String? = key,
    type: String? = "application/json", accept: String? = "application/json, text/event-stream",
    method: HTTPMethod = .post
  ) async throws -> Answer {
    var fields = HTTPHeaders()
    if let key { fields.append(.authorization, "Bearer \(key)") }
    if let type { fields.append(.contentType, type) }
    if let accept { fields.append(.accept, accept) }
    for (name, value) in headers { fields.append(name, value) }
    let answer = try await client.send(
      HTTPClientRequest(
        method, try HTTPURL("http://127.0.0.1:\(port)/mcp"), headers: fields, body: .bytes(body), timeout: .seconds(60)),
      peer: "gateway")
    let bytes = try await answer.body.collect(upTo: 64 << 20)
    return Answer(
      status: Int(answer.status.code), headers: answer.headers, text: String(decoding: bytes, as: UTF8.self))
  }

  /// Sends a request of a revision with sessions.
  func legacy(_ method: String, _ params: String = "{}", version: String? = "2025-11-25") async throws -> Answer {
    try await post(
      Array(#"{"jsonrpc":"2.0","id":1,"method":"\#(method)","params":\#(params)}"#.utf8),
      version.map { [("mcp-protocol-version", $0)] } ?? [])
  }

  /// Sends a request of revision 2026-07-28; `members` are those of the parameters besides `_meta`.
  func modern(
    _ method: String, name: String? = nil, _ members: String = "", meta: String = meta
  ) async throws -> Answer {
    let params = "{" + members + (members.isEmpty ? "" : ",") + meta + "}"
    return try await post(
      Array(#"{"jsonrpc":"2.0","id":"a","method":"\#(method)","params":\#(params)}"#.utf8),
      MCPFixture.modern(method, name))
  }

  /// Calls a tool by revision 2026-07-28.
  func call(_ tool: String, _ arguments: String, meta: String = meta) async throws -> Answer {
    try await modern("tools/call", name: tool, #""name":"\#(tool)","arguments":\#(arguments)"#, meta: meta)
  }
}

extension MetricsRegistry {
  var text: String { String(decoding: render(.prometheusText), as: UTF8.self) }
}
