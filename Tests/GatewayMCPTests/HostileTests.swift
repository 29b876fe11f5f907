import HTTP
import HTTPWire
import JSON
import MCP
import Testing

/// Requests of clients that are wrong, careless or hostile. Each is answered with a clear error, none reaches the
/// orchestrator, and the server answers the next one.
@Suite struct HostileTests {
  struct Case: Sendable, CustomStringConvertible {
    let what: String
    let body: String
    var headers: [(String, String)] = []
    var type: String? = "application/json"
    var accept: String? = "application/json, text/event-stream"
    let status: Int
    let code: Int64

    var description: String { what }
  }

  private static let ping = #"{"jsonrpc":"2.0","id":1,"method":"ping"}"#
  private static let list = #"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{\#(MCPFixture.meta)}}"#
  private static let call =
    #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_run","arguments":{},\#(MCPFixture.meta)}}"#

  private static func meta(_ text: String) -> String {
    #"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":\#(text)}}"#
  }

  private static func params(_ text: String, _ method: String = "tools/call") -> String {
    #"{"jsonrpc":"2.0","id":1,"method":"\#(method)","params":\#(text)}"#
  }

  static let cases: [Case] = [
    // No JSON.
    Case(what: "nothing", body: "", status: 400, code: -32700),
    Case(what: "white space", body: " \n ", status: 400, code: -32700),
    Case(what: "half of an object", body: #"{"jsonrpc":"2.0","id":1,"#, status: 400, code: -32700),
    Case(what: "two documents", body: ping + ping, status: 400, code: -32700),
    Case(what: "a name twice", body: #"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#, status: 400, code: -32700),
    Case(what: "a byte order mark", body: "\u{FEFF}" + ping, status: 400, code: -32700),
    Case(
      what: "a thousand arrays inside each other",
      body: String(repeating: "[", count: 1000) + String(repeating: "]", count: 1000), status: 400, code: -32700),
    Case(
      what: "deep parameters",
      body: params(String(repeating: #"{"a":"#, count: 100) + "1" + String(repeating: "}", count: 100)),
      status: 400, code: -32700),
    Case(
      what: "a million values", body: params(#"{"a":["# + String(repeating: "1,", count: 500_000) + "1]}"), status: 400,
      code: -32700),
    // JSON, and no message.
    Case(what: "a number", body: "7", status: 400, code: -32600),
    Case(what: "null", body: "null", status: 400, code: -32600),
    Case(what: "an empty object", body: "{}", status: 400, code: -32600),
    Case(what: "an empty batch", body: "[]", status: 400, code: -32600),
    Case(
      what: "a batch of too many", body: "[" + String(repeating: ping + ",", count: 16) + ping + "]", status: 400,
      code: -32600),
    Case(what: "a batch of numbers", body: "[1,2]", status: 400, code: -32600),
    Case(what: "a batch inside a batch", body: "[[\(ping)]]", status: 400, code: -32600),
    Case(what: "JSON-RPC 1.0", body: #"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, status: 400, code: -32600),
    Case(what: "an id that is null", body: #"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, status: 400, code: -32600),
    Case(
      what: "an id that is an object", body: #"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, status: 400, code: -32600),
    Case(
      what: "an id with a fraction", body: #"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, status: 400, code: -32600),
    Case(
      what: "an endless id", body: #"{"jsonrpc":"2.0","id":"\#(String(repeating: "x", count: 5000))","method":"ping"}"#,
      status: 400, code: -32600),
    Case(what: "a method that is a number", body: #"{"jsonrpc":"2.0","id":1,"method":7}"#, status: 400, code: -32600),
    Case(what: "a method without a name", body: #"{"jsonrpc":"2.0","id":1,"method":""}"#, status: 400, code: -32600),
    Case(
      what: "a method with a line end", body: #"{"jsonrpc":"2.0","id":1,"method":"a\nb"}"#, status: 400, code: -32600),
    Case(
      what: "an endless method",
      body: #"{"jsonrpc":"2.0","id":1,"method":"\#(String(repeating: "m", count: 100_000))"}"#, status: 400,
      code: -32600),
    Case(what: "parameters that are a list", body: params("[]"), status: 400, code: -32600),
    Case(
      what: "a request that has a result", body: #"{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}"#, status: 400,
      code: -32600),
    Case(what: "an answer to nothing", body: #"{"jsonrpc":"2.0","id":1,"result":{}}"#, status: 400, code: -32600),
    Case(
      what: "a failure of nothing", body: #"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"x"}}"#, status: 400,
      code: -32600),
    // Headers.
    Case(what: "another media type", body: ping, type: "text/plain", status: 415, code: -32600),
    Case(what: "a form", body: ping, type: "application/x-www-form-urlencoded", status: 415, code: -32600),
    Case(what: "no media type", body: ping, type: nil, status: 415, code: -32600),
    Case(what: "a client that takes pictures only", body: ping, accept: "image/png", status: 406, code: -32600),
    Case(
      what: "an unknown revision in the header", body: ping, headers: [("mcp-protocol-version", "2031-01-01")],
      status: 400, code: -32022),
    Case(
      what: "the first revision", body: ping, headers: [("mcp-protocol-version", "2024-11-05")], status: 400,
      code: -32022),
    Case(
      what: "the new revision in the header alone", body: ping, headers: [("mcp-protocol-version", "2026-07-28")],
      status: 400, code: -32020),
    Case(what: "the new revision in the body alone", body: list, status: 400, code: -32020),
    Case(
      what: "two revisions", body: list,
      headers: [("mcp-protocol-version", "2025-11-25"), ("mcp-method", "tools/list")], status: 400, code: -32020),
    Case(
      what: "a revision that nobody knows in both",
      body: meta(#"{"io.modelcontextprotocol/protocolVersion":"1900-01-01"}"#),
      headers: [("mcp-protocol-version", "1900-01-01")], status: 400, code: -32022),
    Case(
      what: "an old revision in the new form",
      body: meta(#"{"io.modelcontextprotocol/protocolVersion":"2025-11-25"}"#),
      headers: [("mcp-protocol-version", "2025-11-25")], status: 400, code: -32022),
    Case(
      what: "no method in the headers", body: list, headers: [("mcp-protocol-version", "2026-07-28")], status: 400,
      code: -32020),
    Case(
      what: "another method in the headers", body: list, headers: MCPFixture.modern("server/discover"), status: 400,
      code: -32020),
    Case(
      what: "the method in capitals", body: list, headers: MCPFixture.modern("TOOLS/LIST"), status: 400, code: -32020),
    Case(
      what: "no name in the headers", body: call, headers: MCPFixture.modern("tools/call"), status: 400, code: -32020),
    Case(
      what: "another name in the headers", body: call, headers: MCPFixture.modern("tools/call", "cancel_run"),
      status: 400, code: -32020),
    Case(
      what: "a name in broken base64", body: call, headers: MCPFixture.modern("tools/call", "=?base64?!!?="),
      status: 400, code: -32020),
    // Metadata.
    Case(
      what: "metadata that is a list", body: meta("[]"), headers: MCPFixture.modern("tools/list"), status: 400,
      code: -32602),
    Case(
      what: "a revision that is a number", body: meta(#"{"io.modelcontextprotocol/protocolVersion":7}"#),
      headers: MCPFixture.modern("tools/list"), status: 400, code: -32602),
    Case(
      what: "no capabilities", body: meta(#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}"#),
      headers: MCPFixture.modern("tools/list"), status: 400, code: -32602),
    Case(
      what: "a progress token that is an object", body: meta(#"{"progressToken":{}}"#), status: 400, code: -32602),
    // Parameters.
    Case(what: "no tool", body: params("{}"), status: 200, code: -32602),
    Case(what: "a tool that is an object", body: params(#"{"name":{}}"#), status: 200, code: -32602),
    Case(what: "an unknown tool", body: params(#"{"name":"rm_rf","arguments":{}}"#), status: 200, code: -32602),
    Case(
      what: "arguments that are a list", body: params(#"{"name":"get_run","arguments":[]}"#), status: 200, code: -32602),
    Case(
      what: "arguments that are text", body: params(#"{"name":"get_run","arguments":"{}"}"#), status: 200, code: -32602),
    Case(what: "a cursor that is a number", body: params(#"{"cursor":7}"#, "tools/list"), status: 200, code: -32602),
    Case(what: "an invented cursor", body: params(#"{"cursor":"x"}"#, "tools/list"), status: 200, code: -32602),
    Case(what: "no address of a resource", body: params("{}", "resources/read"), status: 200, code: -32602),
    Case(
      what: "a file", body: params(#"{"uri":"file:///etc/passwd"}"#, "resources/read"), status: 200, code: -32002),
    Case(
      what: "a path out of the runs", body: params(#"{"uri":"cadre://runs/../tenants"}"#, "resources/read"),
      status: 200,
      code: -32002),
    Case(
      what: "an escaped path out of the runs",
      body: params(#"{"uri":"cadre://runs/run_00000000000070008000000000000001%2f..%2f.."}"#, "resources/read"),
      status: 200, code: -32002),
    Case(
      what: "a part that a run does not have",
      body: params(#"{"uri":"cadre://runs/run_00000000000070008000000000000001/bundle"}"#, "resources/read"),
      status: 200, code: -32002),
  ]

  @Test func `each is refused with its code, and the server goes on`() async throws {
    try await MCPFixture.run { gateway in
      for one in HostileTests.cases {
        let answer = try await gateway.post(Array(one.body.utf8), one.headers, type: one.type, accept: one.accept)
        #expect(answer.status == one.status, "\(one): \(answer.text.prefix(300))")
        let root = try JSONDocument(parsing: answer.text).root
        #expect(root["jsonrpc"]?.string == "2.0" && root["error"]?["code"]?.int == one.code, "\(one): \(answer.text)")
        #expect(root["error"]?["message"]?.string?.isEmpty == false && root["result"] == nil, "\(one)")
        #expect(answer.text.utf8.count < 4096, "\(one): an answer is no echo")
      }
      #expect(gateway.log.all.isEmpty)
      #expect(try await gateway.legacy("ping").text.contains("result"))
    }
  }

  /// Arguments that do not fit are the model's fault, which it may read and correct: the result says so.
  static let arguments: [(tool: String, arguments: String)] = [
    ("get_run", "{}"), ("get_run", #"{"run_id":7}"#), ("get_run", #"{"run_id":"run_1"}"#),
    ("get_run", #"{"run_id":"../tasks"}"#),
    ("get_run", #"{"run_id":"run_00000000000070008000000000000001/../../x"}"#),
    ("get_run", #"{"run_id":"run_00000000000070008000000000000001\n"}"#),
    ("get_run", #"{"run_id":"run_00000000000070008000000000000001","more":1}"#),
    ("wait_for_run", #"{"run_id":"run_00000000000070008000000000000001","wait_ms":-1}"#),
    ("wait_for_run", #"{"run_id":"run_00000000000070008000000000000001","wait_ms":1e12}"#),
    ("wait_for_run", #"{"run_id":"run_00000000000070008000000000000001","wait_ms":"60"}"#),
    ("submit_task", #"{"prompt":""}"#), ("submit_task", #"{"prompt":["x"]}"#), ("submit_task", #"{"input":[]}"#),
    ("submit_task", #"{"prompt":"x","idempotency_key":"a\r\nx-cadre-assertion: v1"}"#),
    ("submit_task", #"{"prompt":"x","labels":"x"}"#), ("submit_task", #"{"prompt":"x","priority":99}"#),
    ("submit_task", #"{"prompt":"x","tenant":"tenant_00000000000070008000000000000002"}"#),
    ("list_runs", #"{"limit":0}"#), ("list_runs", #"{"limit":101}"#), ("list_runs", #"{"status":"all"}"#),
    ("list_runs", #"{"cursor":""}"#), ("list_tasks", #"{"project_id":"project_*"}"#),
    ("send_signal", #"{"run_id":"run_00000000000070008000000000000001"}"#),
    ("decide_approval", #"{"approval_id":"step_00000000000070008000000000000001","decision":"approve"}"#),
    (
      "decide_approval",
      #"{"approval_id":"step_00000000000070008000000000000001","decision":"maybe","subject_sha256":"x"}"#
    ),
    ("cancel_run", #"{"run_id":"run_00000000000070008000000000000001","reason":7}"#),
  ]

  @Test func `arguments that do not fit are told to the model, and reach nobody`() async throws {
    try await MCPFixture.run { gateway in
      for (tool, arguments) in HostileTests.arguments {
        let answer = try await gateway.call(tool, arguments)
        let result = try #require(try answer.root()["result"], "\(tool) \(arguments): \(answer.text)")
        #expect(answer.status == 200 && result["isError"]?.bool == true, "\(tool) \(arguments)")
        let text = result["content"]?[0]?["text"]?.string ?? ""
        #expect(text.hasPrefix("The arguments do not fit:\n- "), "\(tool) \(arguments): \(text)")
        #expect(result["structuredContent"] == nil)
      }
      #expect(gateway.log.all.isEmpty)
    }
  }

  @Test func `a body beyond the limit is refused before it is read`() async throws {
    try await MCPFixture.run { gateway in
      let large = [UInt8](repeating: UInt8(ascii: " "), count: 4 << 20)
      let refused = try await gateway.post(large)
      #expect(refused.status == 413)
      #expect(try refused.root()["error"]?["data"]?["code"]?.string == "body_too_large")
    }
  }

  @Test func `what it answers of the API is bounded, and what is no answer is a failure`() async throws {
    let answers: [(String, HTTPStatus, String)] = [
      ("no JSON", .ok, "<html>"), ("a list", .ok, "[]"), ("nothing", .ok, ""),
      ("no problem document", .internalServerError, "oops"), ("too much", .ok, ""),
    ]
    for (what, status, body) in answers {
      try await MCPFixture.run(orchestrator: { _, _ in
        let bytes = what == "too much" ? [UInt8](repeating: 0x20, count: 9 << 20) : Array(body.utf8)
        return HTTPResponse(status, body: .bytes(bytes))
      }) { gateway in
        let answer = try await gateway.call("get_run", #"{"run_id":"run_00000000000070008000000000000001"}"#)
        let result = try #require(try answer.root()["result"], "\(what)")
        #expect(result["isError"]?.bool == true, "\(what)")
        #expect(result["content"]?[0]?["text"]?.string?.contains("upstream_failed") == true, "\(what): \(answer.text)")
      }
    }
  }
}
