import Contracts
import HTTP
import HTTPWire
import JSON
import MCP
import Reactor
import Synchronization
import Telemetry
import Testing

/// Waiting for the end of a run.
@Suite struct WaitTests {
  private static let withToken = """
    "_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},\
    "progressToken":"p"}
    """
  private static let run = ToolTests.run

  private static func event(_ id: Int, _ type: String, step: String? = nil) -> ServerSentEvent {
    ServerSentEvent(
      id: "\(id)", event: type, data: Array(#"{"seq":\#(id),"step":\#(step.map { "\"\($0)\"" } ?? "null")}"#.utf8))
  }

  /// An orchestrator with a run that ends at its eighth event; `streams` are what each request for events is sent.
  private static func orchestrator(
    _ streams: [[ServerSentEvent]], hangs: Bool = false
  ) -> @Sendable (HTTPRequest, String) async throws -> HTTPResponse {
    let state = Mutex((streams: streams, isEnded: false))
    return { request, _ in
      guard request.head.path.hasSuffix("/events") else {
        let run = state.withLock { ToolTests.document($0.isEnded ? "succeeded" : "running", version: 3) }
        return .json(.ok, Array((request.head.method == .post ? #"{"id":"task_1","run":\#(run)}"# : run).utf8))
      }
      let events = state.withLock { state in
        let events = state.streams.isEmpty ? [] : state.streams.removeFirst()
        if events.contains(where: { $0.event == "run.succeeded" }) { state.isEnded = true }
        return events
      }
      return .events { stream in
        for event in events {
          try await stream.send(event)
          // One piece for each.
          stream.flush()
          try await EventLoop.sleep(for: .milliseconds(20))
        }
        while hangs, !stream.isClientGone { try await EventLoop.sleep(for: .milliseconds(20)) }
      }
    }
  }

  @Test func `a wait notifies progress and ends with the run, over streams that break off`() async throws {
    try await MCPFixture.run(
      orchestrator: Self.orchestrator([
        [Self.event(4, "step.started", step: "plan"), Self.event(5, "model.called", step: "plan")], [],
        [Self.event(6, "step.succeeded", step: "plan"), Self.event(7, "step.ready"), Self.event(8, "run.succeeded")],
      ])
    ) { gateway in
      let answer = try await gateway.call(
        "wait_for_run", #"{"run_id":"\#(Self.run)","wait_ms":60000}"#, meta: Self.withToken)
      #expect(answer.headers[.contentType] == "text/event-stream" && answer.headers[.xAccelBuffering] == "no")
      let messages = try answer.events()
      let progress = try messages.dropLast().map { message in
        #expect(message["method"]?.string == "notifications/progress")
        return try MCPProgress(params: message["params"])
      }
      #expect(progress.allSatisfy { $0.token == .string("p") } && !progress.isEmpty)
      #expect(zip(progress, progress.dropFirst()).allSatisfy { $0.progress < $1.progress })
      #expect(progress.first?.message == "step.started: plan")
      let result = try #require(messages.last?["result"])
      #expect(result["structuredContent"]?["ended"]?.bool == true)
      let streams = gateway.log.all.filter { $0.call.contains("/events") }
      // Each goes on where the one before ended.
      #expect(streams.map(\.call) == [3, 5, 5].map { "GET /api/v1/runs/\(Self.run)/events?after=\($0)" })
      #expect(streams.allSatisfy { $0.headers[.accept] == "text/event-stream" })
      #expect(gateway.registry.text.contains("cadre_gateway_mcp_waits 0\n"))
    }
  }

  @Test func `without a token nothing is notified, and a client that takes no stream gets JSON`() async throws {
    try await MCPFixture.run(
      orchestrator: Self.orchestrator([[Self.event(4, "step.started"), Self.event(5, "run.succeeded")]])
    ) {
      gateway in
      let answer = try await gateway.call("submit_task", #"{"prompt":"x","wait_ms":60000}"#)
      #expect(try answer.events().count == 1)
      #expect(try answer.root()["result"]?["structuredContent"]?["run"]?["status"]?.string == "succeeded")
    }
    try await MCPFixture.run(orchestrator: Self.orchestrator([[Self.event(5, "run.succeeded")]])) { gateway in
      let body =
        #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"wait_for_run","arguments":{"run_id":"\#(Self.run)"}}}"#
      let answer = try await gateway.post(Array(body.utf8), accept: "application/json")
      #expect(answer.headers[.contentType] == "application/json")
      #expect(try answer.root()["result"]?["structuredContent"]?["ended"]?.bool == true)
    }
  }

  @Test func `a wait ends at its time, and the run is as it was`() async throws {
    try await MCPFixture.run(
      settings: [("mcp.wait_max_ms", "300")],
      orchestrator: Self.orchestrator([[Self.event(4, "step.started")]], hangs: true)
    ) { gateway in
      let answer = try await gateway.call("wait_for_run", #"{"run_id":"\#(Self.run)"}"#)
      let result = try #require(try answer.root()["result"])
      #expect(result["isError"] == nil && result["structuredContent"]?["ended"]?.bool == false)
      #expect(result["structuredContent"]?["run"]?["status"]?.string == "running")
      #expect(!gateway.log.all.contains { $0.call.hasPrefix("POST") })
      // The schema says the same.
      let refused = try await gateway.call("wait_for_run", #"{"run_id":"\#(Self.run)","wait_ms":301}"#)
      #expect(try refused.root()["result"]?["isError"]?.bool == true)
    }
  }

  @Test func `more waits than are allowed return at once`() async throws {
    try await MCPFixture.run(
      settings: [("mcp.waits_max", "0")], orchestrator: Self.orchestrator([], hangs: true)
    ) { gateway in
      let answer = try await gateway.call("submit_task", #"{"prompt":"x","wait_ms":60000}"#)
      #expect(try answer.root()["result"]?["structuredContent"]?["ended"]?.bool == false)
      #expect(!gateway.log.all.contains { $0.call.contains("/events") })
    }
  }

  @Test func `a client that goes ends the wait and nothing else`() async throws {
    try await MCPFixture.run(orchestrator: Self.orchestrator([[Self.event(4, "step.started")]], hangs: true)) {
      gateway in
      var headers = HTTPHeaders()
      headers.append(.authorization, "Bearer \(MCPFixture.key)")
      headers.append(.contentType, "application/json")
      headers.append(.accept, "application/json, text/event-stream")
      for (name, value) in MCPFixture.modern("tools/call", "wait_for_run") { headers.append(name, value) }
      let body =
        #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"wait_for_run","arguments":{"run_id":"\#(Self.run)","wait_ms":600000},\#(Self.withToken)}}"#
      var answer: HTTPClientResponse? = try await gateway.client.send(
        HTTPClientRequest(
          .post, try HTTPURL("http://127.0.0.1:\(gateway.port)/mcp"), headers: headers, body: .bytes(Array(body.utf8)),
          timeout: .seconds(60)), peer: "gateway")
      // Progress says that it waits.
      let piece = try await answer?.body.next()
      #expect(String(decoding: piece ?? [], as: UTF8.self).contains("notifications/progress"))
      #expect(gateway.registry.text.contains("cadre_gateway_mcp_waits 1\n"))
      answer = nil
      var rounds = 0
      while !gateway.registry.text.contains("cadre_gateway_mcp_waits 0\n"), rounds < 1200 {
        rounds += 1
        try await EventLoop.sleep(for: .milliseconds(50))
      }
      #expect(gateway.registry.text.contains("cadre_gateway_mcp_waits 0\n"))
      #expect(gateway.registry.text.contains(#"tool="wait_for_run",outcome="cancelled"} 1"#))
      #expect(!gateway.log.all.contains { $0.call.hasPrefix("POST") })
    }
  }

  @Test func `a run that ended before is returned at once`() async throws {
    try await MCPFixture.run(orchestrator: { _, _ in .json(.ok, Array(ToolTests.document("failed").utf8)) }) {
      gateway in
      let answer = try await gateway.call("wait_for_run", #"{"run_id":"\#(Self.run)"}"#)
      #expect(try answer.root()["result"]?["structuredContent"]?["ended"]?.bool == true)
      #expect(gateway.log.all.count == 1)
    }
  }
}
