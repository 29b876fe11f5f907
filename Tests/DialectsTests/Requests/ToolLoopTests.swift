import Dialects
import JSON
import Testing

/// What command-line agents send, on models of every kind.
@Suite struct ToolLoopTests {
  /// Tools like those of a coding agent of OpenAI.
  private static let tools = """
    [{"type":"function","name":"exec_command","strict":false,"parameters":{"type":"object","properties":{"cmd":{"type":"string"}}}},
     {"type":"custom","name":"apply_patch","description":"Edits files.","format":{"type":"grammar","syntax":"lark","definition":"start: x"}},
     {"type":"namespace","name":"agents_v1","description":"Other agents.","tools":[
       {"type":"function","name":"spawn","parameters":{"type":"object","properties":{}}},
       {"type":"custom","name":"note"}]},
     {"type":"web_search","external_web_access":true},{"type":"tool_search","execution":"client"},{"type":"image_generation"},
     {"type":"code_interpreter","container":{"type":"auto"}},{"type":"file_search"},{"type":"mcp","server_label":"x"},
     {"type":"local_shell"},{"type":"computer_use_preview"}]
    """

  private func request(_ input: String, _ rest: String = "") -> String {
    #"{"model":"m","input":\#(input),"tools":\#(ToolLoopTests.tools)\#(rest)}"#
  }

  private static let history = """
    [{"type":"message","role":"developer","content":[{"type":"input_text","text":"Rules."}]},
     {"type":"message","role":"user","content":[{"type":"input_text","text":"Do it."}]},
     {"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"First look."}],"encrypted_content":"x"},
     {"type":"message","role":"assistant","content":[{"type":"output_text","text":"I look."}]},
     {"type":"function_call","call_id":"c1","name":"exec_command","arguments":"{\\"cmd\\":\\"ls\\"}"},
     {"type":"function_call","call_id":"c2","name":"spawn","namespace":"agents_v1","arguments":"{}"},
     {"type":"custom_tool_call","call_id":"c3","name":"apply_patch","input":"*** Begin\\n\\"x\\""},
     {"type":"function_call_output","call_id":"c1","output":"a.txt"},
     {"type":"function_call_output","call_id":"c2","output":[{"type":"input_text","text":"see"},
       {"type":"input_image","image_url":"data:image/png;base64,iVBORw0KGgo="}]},
     {"type":"custom_tool_call_output","call_id":"c3","output":"done"},
     {"type":"web_search_call","id":"ws_1","status":"completed"},
     {"type":"item_reference","id":"rs_9"}]
    """

  @Test(arguments: [Kind.compatible, .anthropic])
  func `tools of all forms reach a model that knows functions only`(_ kind: Kind) throws {
    let made = try Made(request(#""x""#, #","tool_choice":"auto""#), .responses, kind)
    let tools = made.root["tools"]?.elements.map { $0["function"] ?? $0 } ?? []
    #expect(tools.map { $0["name"]?.string } == ["exec_command", "apply_patch", "agents_v1__spawn", "agents_v1__note"])
    let patch = tools[1]["parameters"] ?? tools[1]["input_schema"]
    #expect(patch?["properties"]?["input"]?["type"]?.string == "string" && patch?["required"]?[0]?.string == "input")
    #expect(tools[1]["description"]?.string?.contains("start: x") == true)
    #expect(tools[2]["description"]?.string == "Other agents.")
    #expect(made.names.original("apply_patch") == ToolIdentity(name: "apply_patch", form: .custom))
    #expect(made.names.original("agents_v1__spawn") == ToolIdentity(name: "spawn", namespace: "agents_v1"))
    #expect(made.names.original("agents_v1__note")?.form == .custom && made.names.original("exec_command") == nil)
    let hosted = [
      "web_search", "tool_search", "image_generation", "code_interpreter", "file_search", "mcp", "local_shell",
      "computer_use_preview",
    ]
    #expect(hosted.allSatisfy { made.dropped.contains("tools.\($0)") })
  }

  @Test func `a conversation with all kinds of calls becomes a chat`() throws {
    let made = try Made(request(ToolLoopTests.history), .responses, .compatible)
    #expect(made.roles == "system user assistant tool tool tool user")
    let turn = made.messages()[2]
    #expect(turn["content"]?.string == "I look." && turn["reasoning_content"]?.string == "First look.")
    let calls = turn["tool_calls"]?.elements.map { $0["function"] } ?? []
    #expect(calls.map { $0?["name"]?.string } == ["exec_command", "agents_v1__spawn", "apply_patch"])
    #expect(calls[2]?["arguments"]?.string == #"{"input":"*** Begin\n\"x\""}"#)
    #expect(made.messages()[4]["content"]?.string == "see")
    #expect(made.messages()[6]["content"]?[0]?["image_url"]?["url"]?.string == "data:image/png;base64,iVBORw0KGgo=")
    #expect(made.dropped.contains("input.web_search_call") && made.dropped.contains("input.item_reference"))
  }

  @Test func `and a message request`() throws {
    let made = try Made(request(ToolLoopTests.history), .responses, .anthropic)
    #expect(made.roles == "user assistant user")
    let turn = made.messages()[1]["content"]
    #expect(turn?[0]?["text"]?.string == "I look." && turn?[2]?["name"]?.string == "agents_v1__spawn")
    #expect(made.json(turn?[3]?["input"]) == #"{"input":"*** Begin\n\"x\""}"#)
    let result = made.messages()[2]["content"]?[1]
    #expect(result?["content"]?[0]?["text"]?.string == "see")
    #expect(result?["content"]?[1]?["source"]?["media_type"]?.string == "image/png")
  }

  @Test func `text between a call and its result belongs to the turn of the call`() throws {
    let made = try Made(
      """
      {"input":[{"role":"user","content":"w"},{"type":"function_call","call_id":"c1","name":"f","arguments":"{}"},
        {"type":"message","role":"assistant","content":[{"type":"output_text","text":"one moment"}]},
        {"type":"function_call_output","call_id":"c1","output":"ok"}]}
      """, .responses, .compatible)
    #expect(made.roles == "user assistant tool")
    #expect(made.messages()[1]["content"]?.string == "one moment" && made.messages()[1]["tool_calls"]?.count == 1)
  }

  @Test(arguments: Kind.allCases)
  func `a choice finds its tool, whatever it is called`(_ kind: Kind) throws {
    for (choice, name) in [
      (#"{"type":"custom","name":"apply_patch"}"#, "apply_patch"),
      (#"{"type":"function","name":"exec_command"}"#, "exec_command"),
    ] {
      let made = try Made(request(#""x""#, #","tool_choice":\#(choice)"#), .responses, kind)
      let sent = made.root["tool_choice"]
      #expect((sent?["function"]?["name"] ?? sent?["name"])?.string == name)
    }
    guard kind != .openai else { return }
    let hosted = try Made(request(#""x""#, #","tool_choice":{"type":"web_search"}"#), .responses, kind)
    #expect(hosted.root["tool_choice"] == nil && hosted.dropped.contains("tool_choice"))
    let some =
      #","tool_choice":{"type":"allowed_tools","mode":"required","tools":[{"type":"function","name":"exec_command"}]}"#
    let made = try Made(request(#""x""#, some), .responses, kind)
    #expect(made.root["tools"]?.count == 1)
    #expect(
      (made.root["tool_choice"]?["type"] ?? made.root["tool_choice"])?.string
        == (kind == .anthropic ? "any" : "required"))
  }

  @Test func `a request whose tools are all hosted has none, and no choice`() throws {
    let made = try Made(
      #"{"input":"x","tools":[{"type":"web_search"}],"tool_choice":"auto","parallel_tool_calls":true}"#, .responses,
      .compatible)
    #expect(made.root["tools"] == nil && made.root["tool_choice"] == nil && made.root["parallel_tool_calls"] == nil)
  }

  @Test func `tools that a search has found can be called`() throws {
    let made = try Made(
      """
      {"input":[{"role":"user","content":"x"},{"type":"tool_search_call","call_id":"s","arguments":{}},
        {"type":"tool_search_output","call_id":"s","tools":[{"type":"namespace","name":"n","tools":[
          {"type":"function","name":"g","parameters":{"type":"object","properties":{}}}]}]}]}
      """, .responses, .compatible)
    #expect(made.root["tools"]?[0]?["function"]?["name"]?.string == "n__g")
  }

  @Test func `a result whose call is a reference becomes text`() throws {
    let made = try Made(
      """
      {"input":[{"role":"user","content":"x"},{"type":"item_reference","id":"fc_1"},
        {"type":"function_call_output","call_id":"c1","output":"42"}]}
      """, .responses, .compatible)
    #expect(made.roles == "user user" && made.text.contains("42"))
  }

  @Test func `items of shells have a call and a result`() throws {
    let made = try Made(
      """
      {"input":[{"role":"user","content":"x"},{"type":"local_shell_call","call_id":"s1","action":{"type":"exec","command":["ls"]}},
        {"type":"local_shell_call_output","call_id":"s1","output":"a"}]}
      """, .responses, .anthropic)
    #expect(made.messages()[1]["content"]?[0]?["name"]?.string == "local_shell")
    #expect(made.messages()[2]["content"]?[0]?["content"]?.string == "a")
  }

  @Test func `tools that run at the client become functions elsewhere and stay at Anthropic`() throws {
    let tools = """
      [{"type":"bash_20250124","name":"bash"},{"type":"text_editor_20250728","name":"str_replace_based_edit_tool"},
       {"type":"memory_20250818","name":"memory"},
       {"type":"computer_20250124","name":"computer","display_width_px":800,"display_height_px":600},
       {"type":"web_search_20250305","name":"web_search"},{"type":"code_execution_20250825","name":"code_execution"}]
      """
    let text = #"{"max_tokens":9,"messages":[{"role":"user","content":"x"}],"tools":\#(tools)}"#
    let made = try Made(text, .messages, .openai)
    let functions = made.root["tools"]?.elements.compactMap { $0["function"] } ?? []
    #expect(functions.map { $0["name"]?.string } == ["bash", "str_replace_based_edit_tool", "memory", "computer"])
    #expect(functions.allSatisfy { ($0["parameters"]?["properties"]?.count ?? 0) > 1 })
    #expect(functions[0]["parameters"]?["properties"]?["command"]?["type"]?.string == "string")
    #expect(functions[3]["description"]?.string?.contains("800 x 600") == true)
    #expect(made.dropped == ["tools.web_search_20250305", "tools.code_execution_20250825"])
    let own = try Made(text, .messages, .anthropic)
    #expect(own.json(own.root["tools"]) == tools)
  }

  @Test func `custom tools of a chat become functions where they are not known`() throws {
    let text = """
      {"messages":[{"role":"user","content":"x"},{"role":"assistant","content":null,"tool_calls":[
        {"id":"a","type":"custom","custom":{"name":"patch","input":"text"}}]},{"role":"tool","tool_call_id":"a","content":"1"}],
       "tools":[{"type":"custom","custom":{"name":"patch"}}],"tool_choice":{"type":"custom","custom":{"name":"patch"}}}
      """
    let other = try Made(text, .chat, .compatible)
    #expect(other.root["tools"]?[0]?["type"]?.string == "function" && !other.text.contains("\"custom\""))
    #expect(other.messages()[1]["tool_calls"]?[0]?["function"]?["arguments"]?.string == #"{"input":"text"}"#)
    #expect(other.names.original("patch")?.form == .custom)
    let claude = try Made(text, .chat, .anthropic)
    #expect(claude.json(claude.messages()[1]["content"]?[0]?["input"]) == #"{"input":"text"}"#)
    #expect(claude.root["tool_choice"]?["name"]?.string == "patch")
    #expect(try Made(text, .chat, .openai).text.contains(#""type":"custom","custom":{"name":"patch","input":"text"}"#))
  }

  @Test func `a reference to a tool is a sentence`() throws {
    let made = try Made(
      """
      {"max_tokens":9,"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[
        {"type":"tool_use","id":"a","name":"ToolSearch","input":{}}]},{"role":"user","content":[
        {"type":"tool_result","tool_use_id":"a","content":[{"type":"tool_reference","tool_name":"WebFetch"}]}]}],
       "tools":[{"name":"WebFetch","input_schema":{"type":"object"},"defer_loading":true}]}
      """, .messages, .compatible)
    #expect(made.messages()[2]["content"]?.string?.contains("WebFetch") == true)
    #expect(made.root["tools"]?.count == 1 && made.dropped == ["tools.defer_loading"])
  }

  @Test func `a thread is refused the way its client recovers from`() throws {
    let root = try JSONDocument(
      parsing: #"{"max_tokens":9,"thread":{"type":"continue","previous_message_id":"m"},"messages":[]}"#
    ).root
    let fault = #expect(throws: DialectFault.self) {
      try RequestTranslator.request(root, from: .messages, to: .chat, RequestTarget(model: "m"))
    }
    #expect(fault?.details == DialectFault.Details(code: "thread_unsupported_request", unsupported: ["model"]))
    let body = Dialect.messages.error(
      status: 400, code: "invalid_request", message: "x", parameter: "thread", id: "i", details: fault?.details)
    let error = try JSONDocument(parsing: body).root["error"]
    #expect(error?["type"]?.string == "invalid_request_error")
    #expect(error?["details"]?["error_code"]?.string == "thread_unsupported_request")
    #expect(error?["details"]?["unsupported"]?[0]?.string == "model")
    let moved = #expect(throws: DialectFault.self) {
      try RequestTranslator.request(
        root, from: .messages, to: .chat, RequestTarget(model: "m", mayHaveThread: true))
    }
    #expect(moved?.details == DialectFault.Details(code: "thread_not_found"))
    #expect(DialectFault.Details(refusal: body) == fault?.details && DialectFault.Details(refusal: [123, 125]) == nil)
    let own = #"{"max_tokens":9,"thread":{"type":"continue"},"messages":[{"role":"assistant","content":"a"}]}"#
    #expect(try Made(own, .messages, .anthropic).roles == "assistant")
  }
}
