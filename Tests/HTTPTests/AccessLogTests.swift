import HTTP
import HTTPWire
import Telemetry
import Testing

@Suite struct AccessLogTests {
  /// The lines of the access log for requests to a server.
  private static func lines(
    _ mode: AccessLog.Mode, oneIn: Int = 1, _ requests: [String]
  ) async throws -> [String] {
    let sink = MemoryLogSink()
    let telemetry = Telemetry(
      service: "test", registry: MetricsRegistry(),
      tracer: Tracer(sampler: Sampler(ratio: 0, followsParent: false), sink: nil),
      logger: Logger(service: "test", minimum: .info, sink: sink))
    var edge = HTTPEdge()
    edge.accessLog = AccessLog(mode, sampledOneIn: oneIn, telemetry: telemetry)
    let configured = edge
    try await ServerFixture.run(
      { $0.edge = configured },
      routes: { router in
        ServerFixture.standardRoutes(&router)
        router.on(.get, "/named/{id}") { request in
          request.callerName = "key:alice"
          return .text(.ok, "hi")
        }
      }
    ) { server in
      for request in requests { _ = try await server.exchange(request) }
    }
    return sink.lines.filter { $0.contains("\"message\":\"request\"") }
  }

  private static func get(_ target: String, _ fields: String = "") -> String {
    "GET \(target) HTTP/1.1\r\nHost: x\r\n\(fields)Connection: close\r\n\r\n"
  }

  @Test func `a line says who, what, when and how long, and no secret`() async throws {
    let lines = try await AccessLogTests.lines(
      .all,
      [
        AccessLogTests.get(
          "/named/secret-id?token=secret-query",
          "Authorization: Bearer secret-key\r\nCookie: a=secret-cookie\r\nUser-Agent: curl/8 \"x\"\r\n")
      ])
    #expect(lines.count == 1)
    let line = lines.first ?? ""
    for part in [
      "\"method\":\"GET\"", "\"route\":\"/named/{id}\"", "\"status\":200", "\"bytes\":2", "\"client\":\"127.0.0.1\"",
      "\"caller\":\"key:alice\"", "\"user_agent\":\"curl/8 \\\"x\\\"\"", "\"duration_ms\":", "\"trace_id\":",
    ] { #expect(line.contains(part), "\(part) in \(line)") }
    #expect(!line.contains("secret"))
  }

  @Test func `errors have lines in mode errors, good ones have not`() async throws {
    let requests = [AccessLogTests.get("/hello"), AccessLogTests.get("/nothing?secret"), AccessLogTests.get("/fail")]
    let lines = try await AccessLogTests.lines(.errors, requests)
    #expect(lines.count == 2)
    #expect(lines.first?.contains("\"path\":\"/nothing\"") == true)
    #expect(try await AccessLogTests.lines(.off, requests).isEmpty)
  }

  @Test func `good ones are thinned out, errors are not, and nothing else suppresses lines`() async throws {
    let requests = (0..<100).map { AccessLogTests.get($0 % 2 == 0 ? "/hello" : "/nothing") }
    let lines = try await AccessLogTests.lines(.all, oneIn: 10, requests)
    #expect(lines.filter { $0.contains("\"status\":404") }.count == 50)
    #expect(lines.filter { $0.contains("\"status\":200") }.count == 5)
  }

  @Test func `what a client calls itself cannot make lines of its own`() async throws {
    let agent = String(repeating: "a", count: 5000) + "\u{7}"
    let lines = try await AccessLogTests.lines(
      .all,
      [
        AccessLogTests.get("/hello", "User-Agent: x\u{E9}\",\"level\":\"error\r\n"),
        AccessLogTests.get("/hello", "User-Agent: \(agent.dropLast())\r\n"),
      ])
    #expect(lines.count == 2)
    #expect(lines.allSatisfy { $0.utf8.count < 1200 && !$0.contains("\",\"level\":\"error\"") })
  }
}
