import AgentTools
import Contracts
import MCP
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

  @Test func `a stream that broke off is picked up`() async throws {
    try await world("old_resumes") { world in
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

  @Test func `hosts that are not listed are refused`() async throws {
    #expect(ListedHosts.allows(["127.0.0.1"], host: "127.0.0.1", port: 80))
    #expect(ListedHosts.allows(["a.example:8443", "*.b.example"], host: "A.example", port: 8443))
    #expect(ListedHosts.allows(["*.b.example"], host: "x.b.example", port: 443))
    #expect(!ListedHosts.allows(["a.example:8443", "*.b.example"], host: "a.example", port: 443))
    #expect(!ListedHosts.allows(["*.b.example"], host: "b.example", port: 443))
    #expect(!ListedHosts.allows(["*.b.example"], host: "evilb.example", port: 443))
    #expect(!ListedHosts.allows([], host: "169.254.169.254", port: 80))
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
