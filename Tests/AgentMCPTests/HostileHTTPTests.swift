import AgentToolCalls
import AgentTools
import Contracts
import HTTP
import HTTPWire
import MCP
import Reactor
import Telemetry
import Testing

@testable import AgentMCP

/// Servers over HTTP that break the protocol.
struct HostileHTTPTests {
  static let cases: [HostileCase] = [
    HostileCase(mode: "status_500", reason: .httpStatus),
    HostileCase(mode: "redirects", reason: .refusedAddress),
    HostileCase(mode: "html", reason: .invalidMessage),
    HostileCase(mode: "garbage", reason: .invalidJSON),
    HostileCase(mode: "empty", reason: .invalidJSON),
    HostileCase(mode: "accepted", reason: .invalidMessage),
    HostileCase(mode: "wrong_id", reason: .unknownResponse),
    HostileCase(mode: "huge", reason: .messageTooLarge),
    HostileCase(mode: "never", reason: .timedOut, milliseconds: 800),
    HostileCase(mode: "half", reason: .closed),
    HostileCase(mode: "stream_ends", reason: .closed),
    HostileCase(mode: "stream_never", reason: .timedOut, milliseconds: 800),
    HostileCase(mode: "stream_floods", reason: .tooManyMessages),
    HostileCase(mode: "stream_floods_comments", reason: .tooManyMessages, milliseconds: 20_000),
    HostileCase(mode: "stream_floods_empty", reason: .tooManyMessages, milliseconds: 20_000),
    HostileCase(mode: "stream_garbage", reason: .invalidJSON),
    HostileCase(mode: "stream_request", reason: .invalidMessage),
    HostileCase(mode: "stream_huge", reason: .messageTooLarge),
    HostileCase(mode: "unknown_tool", reason: .invalidArguments),
    HostileCase(mode: "header_mismatch", reason: .invalidMessage),
    HostileCase(mode: "old_always_loses", reason: .sessionLost),
  ]

  private func world(
    _ mode: String, secrets: [String: String] = [:], _ body: (MCPWorld) async throws -> Void
  ) async throws {
    let process = try await HTTPServerProcess.start(script: "hostile_http.py", mode)
    defer { process.stop() }
    let world = MCPWorld(
      .http(url: "http://127.0.0.1:\(process.port)/mcp", headerNames: Array(secrets.keys)), secrets: secrets)
    try await body(world)
    await world.end()
  }

  @Test(arguments: cases) func `a call that fails`(_ test: HostileCase) async throws {
    try await world(test.mode) { world in
      _ = try await world.definitions()
      let result = try await world.call("work", nanoseconds: test.milliseconds * 1_000_000)
      #expect(result.isError)
      #expect(result.text.contains("(\(test.reason?.rawValue ?? ""))"), "\(result.text.prefix(300))")
    }
  }

  @Test func `headers repeat what the message says`() async throws {
    try await world("headers", secrets: ["authorization": "Bearer abc", "mcp-method": "forged"]) { world in
      let text = try await world.call("work", #"{"region":"eu west\n"}"#).text
      #expect(
        text
          == #"["2026-07-28", "tools/call", "work", "=?base64?ZXUgd2VzdAo=?=", "Bearer abc", "application/json, text/event-stream"]"#
      )
    }
  }

  @Test func `a lost session is opened anew`() async throws {
    try await world("old_loses") { world in
      let text = try await world.call("work").text
      #expect(text == "session-2")
    }
  }

  @Test func `a session that cannot be opened anew at once is opened later`() async throws {
    try await world("old_loses_for_a_while") { world in
      let lost = try await world.call("work")
      #expect(lost.isError && lost.text.contains("(session_lost)"), "\(lost.text)")
      #expect(try await world.call("work").text == "session-2")
    }
  }

  @Test(arguments: ["old_resumes", "old_resumes_torn"])
  func `a stream that broke off is picked up`(_ mode: String) async throws {
    try await world(mode) { world in
      let text = try await world.call("work").text
      #expect(text == "resumed")
    }
  }

  @Test(arguments: ["old_plain", "stream_comments"]) func `what is only odd ends nothing`(_ mode: String) async throws {
    try await world(mode) { world in
      let text = try await world.call("work").text
      #expect(text == "fine")
    }
  }

  @Test(arguments: [("unauthorised", MCPErrorReason.httpStatus), ("old_bad_session", .invalidMessage)])
  func `a server that cannot be used`(_ mode: String, _ reason: MCPErrorReason) async throws {
    try await world(mode) { world in
      do {
        _ = try await world.definitions()
        Issue.record("the connection was opened")
      } catch let error as MCPError { #expect(error.reason == reason, "\(error)") }
    }
  }

  /// Names of others have whatever address these like.
  @Test(arguments: [
    ("*", "127.0.0.1", false), ("*", "10.1.2.3", false), ("*", "169.254.169.254", false), ("*", "::1", false),
    ("*", "::ffff:10.0.0.1", false), ("*.b.example", "169.254.169.254", false),
    ("*.b.example", "100.100.100.200", false),
    ("*.b.example", "127.0.0.1", true),
  ])
  func `a pattern lets nobody reach private addresses and metadata services`(
    _ entry: String, _ address: String, _ isTried: Bool
  ) async throws {
    let group = EventLoopGroup(count: 1)
    defer { group.stop() }
    let client = HTTPClient(group: group, telemetry: .disabled())
    // One bad address among good ones is enough.
    let found = (isTried ? [address] : ["93.184.216.34", address]).compactMap { WebAddress($0) }
    #expect(found.count == (isTried ? 1 : 2))
    let hosts = ListedHosts([entry], client: client, resolver: FixedResolver(found: found))
    // Nobody listens there: what is tried cannot be connected to.
    let url = try HTTPURL("http://x.b.example:1/mcp")
    let reason = try await group.loops[0].task { () -> MCPErrorReason? in
      do {
        _ = try await hosts.send(HTTPClientRequest(.post, url, timeout: .seconds(60)))
        return nil
      } catch let error as MCPError { return error.reason } catch { return nil }
    }.value
    #expect((reason == .refusedAddress) == !isTried)
    await client.close(group: group)
  }

  private struct FixedResolver: HostResolver {
    let found: [WebAddress]

    func addresses(of name: String) async throws -> [WebAddress] { found }
  }

  @Test func `hosts that are not listed are refused`() async throws {
    func match(_ hosts: [String], _ host: String, _ port: Int) -> ListedHosts.Match? {
      ListedHosts.match(hosts, host: host, port: port)
    }
    #expect(match(["127.0.0.1"], "127.0.0.1", 80) == .host)
    #expect(match(["a.example:8443", "*.b.example"], "A.example", 8443) == .host)
    #expect(match(["*.b.example"], "x.b.example", 443) == .domain)
    #expect(match(["*.b.example", "x.b.example", "*"], "x.b.example", 443) == .host)
    #expect(match(["*"], "x.b.example", 443) == .any)
    #expect(match(["*.b.example:8443"], "x.b.example", 8443) == .domain)
    #expect(match(["*.b.example:8443"], "x.b.example", 443) == nil)
    #expect(match(["a.example:8443", "*.b.example"], "a.example", 443) == nil)
    #expect(match(["*.b.example"], "b.example", 443) == nil)
    #expect(match(["*.b.example"], "evilb.example", 443) == nil)
    #expect(match([], "169.254.169.254", 80) == nil)
    let world = MCPWorld(.http(url: "http://169.254.169.254/mcp", headerNames: []))
    do {
      _ = try await world.definitions()
      Issue.record("the connection was opened")
    } catch let error as MCPError { #expect(error.reason == .refusedAddress) }
    await world.end()
  }

  @Test func `nobody listens`() async throws {
    let world = MCPWorld(.http(url: "http://127.0.0.1:1/mcp", headerNames: []))
    do {
      _ = try await world.definitions()
      Issue.record("the connection was opened")
    } catch let error as MCPError { #expect(error.reason == .cannotConnect) }
    await world.end()
  }
}
