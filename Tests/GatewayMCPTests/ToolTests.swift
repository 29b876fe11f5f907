import Contracts
import HTTP
import HTTPWire
import JSON
import MCP
import Synchronization
import Telemetry
import Testing

@Suite struct ToolTests {
  static let run = "run_00000000000070008000000000000001"
  static let approval = "step_00000000000070008000000000000001"
  static let digest = String(repeating: "ab", count: 32)

  static func document(_ status: String, version: Int = 3) -> String {
    #"{"id":"\#(run)","task_id":"task_1","status":"\#(status)","version":\#(version),"result":{"answer":"42"}}"#
  }

  /// Each tool, the call of the API that it is, and the body of that call.
  static let calls: [(tool: String, arguments: String, call: String, body: String)] = [
    (
      "submit_task", #"{"prompt":"x","workflow":"w","input":{"a":[1]},"labels":["l"],"wait_ms":0}"#,
      "POST /api/v1/tasks", #"{"prompt":"x","workflow":"w","input":{"a":[1]},"labels":["l"]}"#
    ),
    ("get_run", #"{"run_id":"\#(run)"}"#, "GET /api/v1/runs/\(run)", ""),
    (
      "list_tasks", #"{"status":"failed","label":"a&b=c","limit":5}"#,
      "GET /api/v1/tasks?status=failed&label=a%26b%3Dc&limit=5", ""
    ),
    ("list_runs", "{}", "GET /api/v1/runs", ""),
    ("list_workflows", #"{"cursor":"ü"}"#, "GET /api/v1/workflows?cursor=%C3%BC", ""),
    (
      "send_signal", #"{"run_id":"\#(run)","name":"go","data":null,"id":"1"}"#, "POST /api/v1/runs/\(run)/signals",
      #"{"name":"go","data":null,"id":"1"}"#
    ),
    ("list_approvals", #"{"status":"pending"}"#, "GET /api/v1/approvals?status=pending", ""),
    (
      "decide_approval",
      #"{"approval_id":"\#(approval)","decision":"reject","subject_sha256":"\#(digest)","comment":"no"}"#,
      "POST /api/v1/approvals/\(approval)/decision",
      #"{"decision":"reject","subject_sha256":"\#(digest)","comment":"no"}"#
    ),
    ("cancel_run", #"{"run_id":"\#(run)","reason":"r"}"#, "POST /api/v1/runs/\(run)/cancel", #"{"reason":"r"}"#),
  ]

  @Test func `each tool is one call of the API, for the caller`() async throws {
    try await MCPFixture.run(orchestrator: { request, _ in
      let isTask = request.head.path == "/api/v1/tasks" && request.head.method == .post
      let run = ToolTests.document("running")
      return .json(.ok, Array((isTask ? #"{"id":"task_1","run":\#(run)}"# : run).utf8))
    }) { gateway in
      for one in ToolTests.calls {
        let answer = try await gateway.call(one.tool, one.arguments)
        let result = try #require(try answer.root()["result"], "\(one.tool): \(answer.text)")
        #expect(result["isError"] == nil && result["structuredContent"]?.kind == .object, "\(answer.text)")
        let seen = try #require(gateway.log.all.last)
        #expect(seen.call == one.call && seen.body == one.body)
        #expect(seen.headers[InternalHeader.assertion]?.hasPrefix("v1.gateway.a.") == true)
        #expect(!seen.headers.contains(.authorization))
      }
      #expect(gateway.log.all.count == ToolTests.calls.count)
      // A submission names its run, so that it may be sent again.
      #expect(gateway.log.all[0].headers[InternalHeader.newRun]?.hasPrefix("run_") == true)
      _ = try await gateway.call("submit_task", #"{"prompt":"x","idempotency_key":"k 1"}"#)
      #expect(gateway.log.all.count == ToolTests.calls.count, "a key is visible ASCII")
      _ = try await gateway.call("submit_task", #"{"prompt":"x","idempotency_key":"k-1"}"#)
      #expect(gateway.log.all.last?.headers[.idempotencyKey] == "k-1")
      let text = gateway.registry.text
      #expect(text.contains(#"cadre_gateway_mcp_tool_calls_total{tool="get_run",outcome="ok"} 1"#), "\(text)")
      #expect(text.contains(#"outcome="invalid_arguments"} 1"#))
    }
  }

  @Test func `results are text and structure, and fit the schema that is listed`() async throws {
    try await MCPFixture.run(orchestrator: { _, _ in .json(.ok, Array(ToolTests.document("succeeded").utf8)) }) {
      gateway in
      let modern = try #require(try await gateway.call("get_run", #"{"run_id":"\#(ToolTests.run)"}"#).root()["result"])
      #expect(modern["resultType"]?.string == "complete")
      #expect(modern["structuredContent"]?["ended"]?.bool == true)
      #expect(modern["structuredContent"]?["run"]?["result"]?["answer"]?.string == "42")
      let text = try #require(modern["content"]?[0]?["text"]?.string)
      #expect(Array(text.utf8) == Array(modern["structuredContent"]?.rawBytes ?? []))
      let legacy = try #require(
        try await gateway.legacy("tools/call", #"{"name":"get_run","arguments":{"run_id":"\#(ToolTests.run)"}}"#)
          .root()["result"])
      #expect(legacy["resultType"] == nil && legacy["_meta"] == nil && legacy["structuredContent"] != nil)
    }
  }

  @Test func `what the API refuses is told to the model with its code`() async throws {
    try await MCPFixture.run(orchestrator: { _, _ in
      throw Problem(
        .invalidInput, "The request has a fault.",
        faults: [FieldFault(pointer: "/prompt", code: "x", detail: "Too odd.")])
    }) { gateway in
      let result = try #require(try await gateway.call("submit_task", #"{"prompt":"x"}"#).root()["result"])
      #expect(result["isError"]?.bool == true && result["structuredContent"] == nil)
      #expect(
        result["content"]?[0]?["text"]?.string == "The request has a fault. (invalid_input)\n- /prompt: Too odd.")
    }
  }

  @Test func `a large result is cut for the model and whole for programs`() async throws {
    let answer = String(repeating: "ü", count: 200_000)
    let document = #"{"id":"\#(ToolTests.run)","status":"succeeded","result":{"answer":"\#(answer)"}}"#
    try await MCPFixture.run(orchestrator: { _, _ in .json(.ok, Array(document.utf8)) }) { gateway in
      let result = try #require(try await gateway.call("get_run", #"{"run_id":"\#(ToolTests.run)"}"#).root()["result"])
      #expect(result["structuredContent"]?["run"]?["result"]?["answer"]?.string == answer)
      let text = try #require(result["content"]?[0]?["text"]?.string)
      #expect(text.utf8.count < 270_000 && text.contains("[cut: ") && !text.contains("\u{FFFD}"))
    }
  }

  @Test func `runs and their results are resources`() async throws {
    try await MCPFixture.run(orchestrator: { request, _ in
      if request.head.path.hasSuffix("/result") { return .json(.ok, Array(#"{"answer":"42"}"#.utf8)) }
      if request.head.path != "/api/v1/runs" { throw Problem.notFound("run") }
      if request.head.query?.contains("cursor=odd") == true { throw Problem.badParameter("?cursor", "An id.") }
      return .json(.ok, Array(#"{"runs":[\#(ToolTests.document("failed"))],"next_cursor":"run_9"}"#.utf8))
    }) { gateway in
      let listed = try #require(try await gateway.modern("resources/list").root()["result"])
      let page = try MCPListPage<MCPResource>(resources: listed)
      #expect(page.entries.map(\.uri) == ["cadre://runs/\(ToolTests.run)"] && page.nextCursor == "run_9")
      #expect(listed["ttlMs"]?.int == 0 && listed["cacheScope"]?.string == "private")
      _ = try await gateway.modern("resources/list", #""cursor":"run_9""#)
      #expect(gateway.log.all.last?.call == "GET /api/v1/runs?limit=50&cursor=run_9")
      let odd = try await gateway.modern("resources/list", #""cursor":"odd""#)
      #expect(try odd.root()["error"]?["code"]?.int == MCPErrorCode.invalidParams)

      let templates = try #require(try await gateway.modern("resources/templates/list").root()["result"])
      #expect(
        try MCPListPage<MCPResource>(templates: templates).entries.map(\.uri) == [
          "cadre://runs/{run_id}", "cadre://runs/{run_id}/result",
        ])

      let uri = "cadre://runs/\(ToolTests.run)/result"
      let read = try #require(
        try await gateway.modern("resources/read", name: uri, #""uri":"\#(uri)""#).root()["result"])
      #expect(
        try MCPToolResult.contents(ofResource: read) == [
          .textResource(uri: uri, text: #"{"answer":"42"}"#, mediaType: "application/json")
        ])
      // What another tenant has is answered like what does not exist.
      let other = "cadre://runs/\(ToolTests.run)"
      let missing = try await gateway.modern("resources/read", name: other, #""uri":"\#(other)""#)
      #expect(try missing.root()["error"]?["code"]?.int == MCPErrorCode.invalidParams)
      let legacy = try await gateway.legacy("resources/read", #"{"uri":"\#(other)"}"#)
      #expect(try legacy.root()["error"]?["code"]?.int == MCPErrorCode.resourceNotFound)
    }
  }
}
