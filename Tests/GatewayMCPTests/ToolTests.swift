import Contracts
import HTTP
import HTTPWire
import JSON
import MCP
import Primitives
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
    (
      "report_outcome", #"{"approval_id":"\#(approval)","outcome":"done","result":"sent"}"#,
      "POST /api/v1/approvals/\(approval)/outcome", #"{"outcome":"done","result":"sent"}"#
    ),
    ("list_questions", #"{"run_id":"\#(run)"}"#, "GET /api/v1/questions?run_id=\(run)", ""),
    (
      "answer_question", #"{"question_id":"\#(approval)","answer":{"text":"blue"}}"#,
      "POST /api/v1/questions/\(approval)/answer", #"{"answer":{"text":"blue"}}"#
    ),
    ("list_artefacts", #"{"run_id":"\#(run)","limit":7}"#, "GET /api/v1/runs/\(run)/artefacts?limit=7", ""),
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
          "cadre://runs/{run_id}", "cadre://runs/{run_id}/result", "cadre://artefacts/{artefact_id}",
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

  /// Files of the orchestrator, by their ids.
  private static let files: [String: (type: String, bytes: [UInt8])] = [
    "artefact_00000000000070008000000000000001": ("text/csv; charset=utf-8", Array("name\nzoë\n".utf8)),
    "artefact_00000000000070008000000000000002": ("image/png", [0x89, 0x50, 0x4E, 0x47, 0]),
    "artefact_00000000000070008000000000000003": ("application/octet-stream", Array(0...255)),
    "artefact_00000000000070008000000000000004": ("text/plain", [0xFF, 0xFE, 0x41]),
    "artefact_00000000000070008000000000000005": ("text/plain", []),
  ]

  private static func serveFiles(_ request: HTTPRequest, _ body: String) throws -> HTTPResponse {
    let parts = request.head.path.split(separator: "/")
    guard parts.count > 3, let file = files[String(parts[3])] else { throw Problem.notFound("run") }
    guard parts.last == "content" else {
      return .json { writer in
        writer.member("id", String(parts[3]))
        writer.member("name", "a/b")
        writer.member("bytes", Int64(file.bytes.count))
        writer.member("media_type", file.type)
      }
    }
    let range = request.headers[.range]?.dropFirst("bytes=".count).split(separator: "-").compactMap { Int($0) } ?? []
    try #require(range.count == 2 && range[1] < file.bytes.count)
    return HTTPResponse(.partialContent, body: .bytes(Array(file.bytes[range[0]...range[1]])))
  }

  @Test func `files are text, pictures or bytes, whole or in pieces`() async throws {
    try await MCPFixture.run(orchestrator: { try ToolTests.serveFiles($0, $1) }) { gateway in
      func read(_ number: Int, _ more: String = "") async throws -> (JSONView, JSONView) {
        let id = "artefact_0000000000007000800000000000000\(number)"
        let answer = try await gateway.call("get_artefact", #"{"artefact_id":"\#(id)"\#(more)}"#)
        let result = try #require(try answer.root()["result"], "\(answer.text)")
        return (try #require(result["structuredContent"]), try #require(result["content"]?[1]))
      }
      let (text, csv) = try await read(1)
      #expect(text["is_whole"]?.bool == true && text["bytes_returned"]?.int == 10)
      #expect(text["artefact"]?["name"]?.string == "a/b" && csv["text"]?.string == "name\nzoë\n")
      // A piece that would end within a character ends before it.
      let (cut, part) = try await read(1, #","bytes_max":8"#)
      #expect(cut["is_whole"]?.bool == false && cut["bytes_returned"]?.int == 7 && part["text"]?.string == "name\nzo")
      let (rest, end) = try await read(1, #","offset":7"#)
      #expect(rest["offset"]?.int == 7 && end["text"]?.string == "ë\n")
      let (behind, nothing) = try await read(1, #","offset":10"#)
      #expect(behind["bytes_returned"]?.int == 0 && nothing["text"]?.string == "")
      let (_, picture) = try await read(2)
      #expect(picture["type"]?.string == "image" && picture["data"]?.string == "iVBORwA=")
      let (_, piece) = try await read(2, #","bytes_max":2"#)
      #expect(piece["type"]?.string == "resource" && piece["resource"]?["blob"]?.string == "iVA=")
      let (bytes, blob) = try await read(3)
      #expect(bytes["bytes_returned"]?.int == 256)
      #expect(Base64.decode(blob["resource"]?["blob"]?.string ?? "") == Array(0...255))
      // Text that is none.
      #expect(try await read(4).1["type"]?.string == "resource")
      #expect(try await read(5).1["text"]?.string == "")

      let uri = "cadre://artefacts/artefact_00000000000070008000000000000001"
      let contents = try #require(
        try await gateway.modern("resources/read", name: uri, #""uri":"\#(uri)""#).root()["result"])
      #expect(
        try MCPToolResult.contents(ofResource: contents) == [
          .textResource(uri: uri, text: "name\nzoë\n", mediaType: "text/csv; charset=utf-8")
        ])
      for odd in [
        "cadre://artefacts/", "cadre://artefacts/../runs", "cadre://artefacts/a%2fb", "cadre://artefacts/a?b",
      ] {
        let refused = try await gateway.modern("resources/read", name: odd, #""uri":"\#(odd)""#)
        #expect(try refused.root()["error"]?["code"]?.int == MCPErrorCode.invalidParams, "\(odd)")
      }
      #expect(!gateway.log.all.contains { $0.call.contains("..") || $0.call.contains("%2") })
      let missing = try await gateway.call(
        "get_artefact", #"{"artefact_id":"artefact_00000000000070008000000000000009"}"#)
      #expect(try missing.root()["result"]?["isError"]?.bool == true)
    }
  }
}
