import Dialects
import JSON
import Testing

@Suite struct RequestTests {
  private let target = RequestTarget(model: "there", outputTokensMax: 1234)
  private let claude = RequestTarget(model: "there", outputTokensMax: 1234, rules: .anthropic)

  private func same(_ bytes: [UInt8], _ expected: String, _ place: SourceLocation = #_sourceLocation) throws {
    let got = JSONValue(try JSONDocument(parsing: bytes).root).canonicalBytes()
    let want = JSONValue(try JSONDocument(parsing: expected).root).canonicalBytes()
    #expect(String(decoding: got, as: UTF8.self) == String(decoding: want, as: UTF8.self), sourceLocation: place)
  }

  private func parse(_ text: String) throws -> JSONView { try JSONDocument(parsing: text).root }

  private static let message = """
    {"model":"m","max_tokens":50,"system":[{"type":"text","text":"Be brief.","cache_control":{"type":"ephemeral"}},
      {"type":"text","text":"Be kind."}],
     "messages":[
      {"role":"user","content":[{"type":"text","text":"What is this?"},
        {"type":"image","source":{"type":"base64","media_type":"image/png","data":"QUJD"}},
        {"type":"image","source":{"type":"url","url":"https://x.example/y.png"}}]},
      {"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"text","text":"Let me look."},
        {"type":"tool_use","id":"t1","name":"look","input":{"at":[1,2.50]}},{"type":"tool_use","id":"t2","name":"look","input":{}}]},
      {"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"a cat"},
        {"type":"tool_result","tool_use_id":"t2","is_error":true,"content":[{"type":"text","text":"gone"}]},
        {"type":"text","text":"Well?"}]}],
     "tools":[{"name":"look","description":"Looks.","input_schema":{"type":"object","properties":{"at":{}}}}],
     "tool_choice":{"type":"any","disable_parallel_tool_use":true},"stop_sequences":["END"],"temperature":0.5,
     "stream":true,"metadata":{"user_id":"u"},"top_k":5}
    """

  private static let chat = """
    {"model":"there","messages":[
      {"role":"system","content":"Be brief.\\nBe kind."},
      {"role":"user","content":[{"type":"text","text":"What is this?"},
        {"type":"image_url","image_url":{"url":"data:image/png;base64,QUJD"}},
        {"type":"image_url","image_url":{"url":"https://x.example/y.png"}}]},
      {"role":"assistant","content":"Let me look.","tool_calls":[
        {"id":"t1","type":"function","function":{"name":"look","arguments":"{\\"at\\":[1,2.50]}"}},
        {"id":"t2","type":"function","function":{"name":"look","arguments":"{}"}}]},
      {"role":"tool","tool_call_id":"t1","content":"a cat"},
      {"role":"tool","tool_call_id":"t2","content":"Error: gone"},
      {"role":"user","content":[{"type":"text","text":"Well?"}]}],
     "max_completion_tokens":50,"stop":["END"],"temperature":0.5,"stream":true,"stream_options":{"include_usage":true},
     "tools":[{"type":"function","function":{"name":"look","description":"Looks.",
       "parameters":{"type":"object","properties":{"at":{}}}}}],
     "tool_choice":"required","parallel_tool_calls":false,"user":"u"}
    """

  @Test func `a message request keeps system, images, tools, results and limits as a chat`() throws {
    let made = try RequestTranslator.request(try parse(RequestTests.message), from: .messages, to: .chat, target)
    try same(made.bytes, RequestTests.chat)
    #expect(made.dropped == ["cache_control", "top_k"])
  }

  @Test func `a chat request keeps them as a message request`() throws {
    let made = try RequestTranslator.request(try parse(RequestTests.chat), from: .chat, to: .messages, claude)
    try same(
      made.bytes,
      """
      {"model":"there","max_tokens":50,"system":[{"type":"text","text":"Be brief.\\nBe kind.","cache_control":{"type":"ephemeral"}}],
       "messages":[
        {"role":"user","content":[{"type":"text","text":"What is this?"},
          {"type":"image","source":{"type":"base64","media_type":"image/png","data":"QUJD"}},
          {"type":"image","source":{"type":"url","url":"https://x.example/y.png"},"cache_control":{"type":"ephemeral"}}]},
        {"role":"assistant","content":[{"type":"text","text":"Let me look."},
          {"type":"tool_use","id":"t1","name":"look","input":{"at":[1,2.50]}},{"type":"tool_use","id":"t2","name":"look","input":{}}]},
        {"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"a cat"},
          {"type":"tool_result","tool_use_id":"t2","content":"Error: gone"},{"type":"text","text":"Well?","cache_control":{"type":"ephemeral"}}]}],
       "stop_sequences":["END"],"temperature":0.5,"stream":true,
       "tools":[{"name":"look","description":"Looks.","input_schema":{"type":"object","properties":{"at":{}}},"cache_control":{"type":"ephemeral"}}],
       "tool_choice":{"type":"any","disable_parallel_tool_use":true},"metadata":{"user_id":"u"}}
      """)
    #expect(made.dropped.isEmpty)
  }

  @Test func `what a chat leaves open is filled in, and cache marks survive`() throws {
    let made = try RequestTranslator.request(
      try parse(
        """
        {"messages":[{"role":"developer","content":[{"type":"text","text":"long","cache_control":{"type":"ephemeral"}}]},
          {"role":"user","content":"hi"}],"temperature":1.7,"seed":3,"stop":"x",
         "response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"}}},
         "tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":{"type":"function","function":{"name":"f"}}}
        """), from: .chat, to: .messages, claude)
    try same(
      made.bytes,
      """
      {"model":"there","max_tokens":1234,
       "system":[{"type":"text","text":"long","cache_control":{"type":"ephemeral"}}],
       "messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}],"stop_sequences":["x"],"temperature":1.0,
       "tools":[{"name":"f","input_schema":{"type":"object","properties":{}}}],"tool_choice":{"type":"tool","name":"f"},
       "output_config":{"format":{"type":"json_schema","schema":{"type":"object"}}}}
      """)
    #expect(made.dropped == ["seed", "temperature"])
  }

  @Test func `a response request becomes a chat`() throws {
    let made = try RequestTranslator.request(
      try parse(
        """
        {"model":"m","instructions":"Be brief.","input":[
          {"role":"user","content":[{"type":"input_text","text":"hi"},{"type":"input_image","image_url":"https://x.example/a.png","detail":"low"}]},
          {"type":"reasoning","id":"r","summary":[]},
          {"type":"function_call","call_id":"c1","name":"f","arguments":"{}"},
          {"type":"function_call","call_id":"c2","name":"f","arguments":"{\\"a\\":1}"},
          {"type":"function_call_output","call_id":"c1","output":"one"},
          {"type":"function_call_output","call_id":"c2","output":"two"}],
         "max_output_tokens":9,"tools":[{"type":"function","name":"f","parameters":{"type":"object"},"strict":true}],
         "tool_choice":{"type":"function","name":"f"},"parallel_tool_calls":true,
         "text":{"format":{"type":"json_schema","name":"n","schema":{"type":"object"},"strict":true}},
         "reasoning":{"effort":"low"},"store":false}
        """), from: .responses, to: .chat, RequestTarget(model: "there", rules: .compatible))
    try same(
      made.bytes,
      """
      {"model":"there","messages":[{"role":"system","content":"Be brief."},
        {"role":"user","content":[{"type":"text","text":"hi"},
          {"type":"image_url","image_url":{"url":"https://x.example/a.png","detail":"low"}}]},
        {"role":"assistant","content":null,"tool_calls":[
          {"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}},
          {"id":"c2","type":"function","function":{"name":"f","arguments":"{\\"a\\":1}"}}]},
        {"role":"tool","tool_call_id":"c1","content":"one"},{"role":"tool","tool_call_id":"c2","content":"two"}],
       "max_tokens":9,"reasoning_effort":"low",
       "tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{}}}}],
       "parallel_tool_calls":true,"tool_choice":{"type":"function","function":{"name":"f"}},
       "response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"},"strict":true}}}
      """)
  }

  @Test(arguments: [
    (#"{"messages":[{"role":"user","content":"x"}],"n":2}"#, "n"),
    (#"{"messages":[]}"#, "messages"), (#"{}"#, "messages"),
    (#"{"messages":[{"role":"robot","content":"x"}]}"#, "messages[0].role"),
    (#"{"messages":[{"role":"user"}]}"#, "messages[0].content"),
    (#"{"messages":[{"role":"user","content":[{"type":"input_audio"}]}]}"#, "messages[0].content[0].type"),
    (#"{"messages":[{"role":"tool","content":"x"}]}"#, "messages[0].tool_call_id"),
    (#"{"messages":[{"role":"user","content":"x"}],"tools":[{"type":"custom"}]}"#, "tools[0].type"),
  ])
  func `what a message cannot say is refused with its place`(_ text: String, _ place: String) throws {
    let root = try parse(text)
    let fault = #expect(throws: DialectFault.self) {
      try RequestTranslator.request(root, from: .chat, to: .messages, claude)
    }
    #expect(fault?.parameter == place)
  }

  @Test(arguments: [
    (#"{"messages":[{"role":"user","content":[{"type":"container_upload"}]}]}"#, "messages[0].content[0].type"),
    (#"{"thread":{"type":"create"},"messages":[{"role":"user","content":"x"}]}"#, "thread"),
    (#"{"messages":[{"role":"user","content":[{"type":"tool_result"}]}]}"#, "messages[0].content[0]"),
    (#"{"messages":[{"role":"user","content":"x"}],"tool_choice":{"type":"x"}}"#, "tool_choice.type"),
  ])
  func `what a chat cannot say is refused with its place`(_ text: String, _ place: String) throws {
    let root = try parse(text)
    let fault = #expect(throws: DialectFault.self) {
      try RequestTranslator.request(root, from: .messages, to: .chat, target)
    }
    #expect(fault?.parameter == place)
  }

  @Test(arguments: ["previous_response_id", "conversation", "background", "prompt"])
  func `state at the provider is refused where there is none`(_ name: String) throws {
    let root = try parse(#"{"input":"x","\#(name)":"resp_1"}"#)
    let fault = #expect(throws: DialectFault.self) {
      try RequestTranslator.request(root, from: .responses, to: .chat, target)
    }
    #expect(fault?.parameter == name)
  }
}
