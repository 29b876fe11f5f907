import Dialects
import JSON
import Testing

/// Histories of one provider on their way to another.
@Suite struct HistoryTests {
  @Test func `ids with other characters are equal and valid at call and result`() throws {
    let made = try Made(
      """
      {"messages":[{"role":"user","content":"q"},{"role":"assistant","content":null,"tool_calls":[
        {"id":"functions.Bash:0","type":"function","function":{"name":"Bash","arguments":"{}"}},
        {"id":"","type":"function","function":{"name":"Bash","arguments":"{}"}}]},
        {"role":"tool","tool_call_id":"functions.Bash:0","content":"one"},{"role":"tool","tool_call_id":"","content":"two"},
        {"role":"assistant","content":null,"tool_calls":[
          {"id":"functions.Bash:0","type":"function","function":{"name":"Bash","arguments":"{}"}}]},
        {"role":"tool","tool_call_id":"functions.Bash:0","content":"three"}]}
      """, .chat, .anthropic)
    let blocks = made.messages().flatMap { $0["content"]?.elements.map { $0 } ?? [] }
    let calls = blocks.compactMap { $0["type"]?.string == "tool_use" ? $0["id"]?.string : nil }
    let results = blocks.compactMap { $0["type"]?.string == "tool_result" ? $0["tool_use_id"]?.string : nil }
    #expect(calls == results && Set(calls).count == 3)
    #expect(calls.allSatisfy { !$0.isEmpty && $0.utf8.allSatisfy { $0.isWord || $0 == 95 || $0 == 45 } })
  }

  @Test func `a long id is shortened for OpenAI`() throws {
    let id = "call_" + String(repeating: "9", count: 61)
    let made = try Made(
      """
      {"messages":[{"role":"user","content":"q"},{"role":"assistant","content":null,"tool_calls":[
        {"id":"\(id)","type":"function","function":{"name":"f","arguments":"{}"}}]},
        {"role":"tool","tool_call_id":"\(id)","content":"one"}]}
      """, .chat, .openai)
    let sent = try #require(made.messages()[1]["tool_calls"]?[0]?["id"]?.string)
    #expect(sent.utf8.count <= 40 && made.messages()[2]["tool_call_id"]?.string == sent)
    let items = try Made(
      """
      {"input":[{"role":"user","content":"q"},{"type":"function_call","call_id":"\(id)","name":"f","arguments":"{}"},
        {"type":"function_call_output","call_id":"\(id)","output":"one"}]}
      """, .responses, .openai)
    let call = try #require(items.root["input"]?[1]?["call_id"]?.string)
    #expect(call.utf8.count <= 64 && items.root["input"]?[2]?["call_id"]?.string == call)
  }

  @Test func `Anthropic gets no empty text`() throws {
    let made = try Made(
      """
      {"messages":[{"role":"system","content":""},{"role":"system","content":" \\n"},
        {"role":"user","content":[{"type":"text","text":""},{"type":"text","text":"hi"}]},
        {"role":"assistant","content":[{"type":"text","text":""}]},{"role":"user","content":""}]}
      """, .chat, .anthropic)
    #expect(made.root["system"] == nil && made.roles == "user assistant user")
    let texts = made.messages().flatMap { $0["content"]?.elements.compactMap { $0["text"]?.string } ?? [] }
    #expect(texts.count == 3 && texts[0] == "hi")
    #expect(texts.allSatisfy { !$0.utf8.allSatisfy { $0 <= 32 } })
  }

  @Test(arguments: [
    #"{"messages":[{"role":"system","content":"joke"}]}"#,
    #"{"messages":[{"role":"assistant","content":"Hello."}]}"#,
    #"{"messages":[{"role":"system","content":"joke"},{"role":"assistant","content":"a"},{"role":"user","content":"b"}]}"#,
  ])
  func `a conversation with Anthropic begins with the user`(_ text: String) throws {
    let made = try Made(text, .chat, .anthropic)
    #expect(made.roles.hasPrefix("user") && made.text.contains("joke") == text.contains("joke"))
    let own = try Made(#"{"max_tokens":9,"messages":[{"role":"assistant","content":"a"}]}"#, .messages, .anthropic)
    #expect(own.roles == "user assistant")
  }

  @Test func `the last text of the assistant ends without white space`() throws {
    for text in [#""Once upon a time \n""#, #"[{"type":"text","text":"Once upon a time \n"}]"#] {
      let turns = #"[{"role":"user","content":"x"},{"role":"assistant","content":\#(text)}]"#
      for dialect in [Dialect.chat, .messages] {
        let made = try Made(#"{"max_tokens":9,"messages":\#(turns)}"#, dialect, .anthropic)
        #expect(made.text.contains(#"a time""#) && !made.text.contains(#"\n"#), "\(made.text)")
      }
    }
    let empty = #"{"max_tokens":9,"messages":[{"role":"user","content":"x"},{"role":"assistant","content":" "}]}"#
    #expect(try Made(empty, .chat, .anthropic).roles == "user")
  }

  @Test(arguments: [Kind.openai, .compatible])
  func `results stand right behind their calls`(_ kind: Kind) throws {
    let chat = try Made(
      """
      {"messages":[{"role":"user","content":"q"},{"role":"assistant","content":null,"tool_calls":[
        {"id":"a","type":"function","function":{"name":"f","arguments":"{}"}},
        {"id":"b","type":"function","function":{"name":"f","arguments":"{}"}}]},
        {"role":"tool","tool_call_id":"b","content":"two"},{"role":"assistant","content":"wait"},
        {"role":"user","content":"hm"},{"role":"tool","tool_call_id":"a","content":"one"}]}
      """, .chat, kind)
    #expect(chat.roles == "user assistant tool tool assistant user")
    #expect(chat.messages()[2]["content"]?.string == "one" && chat.messages()[3]["content"]?.string == "two")
  }

  @Test func `results begin the turn of the user at Anthropic`() throws {
    let own = try Made(
      """
      {"max_tokens":9,"messages":[{"role":"user","content":"q"},
        {"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{}}]},
        {"role":"user","content":[{"type":"text","text":"and?"},{"type":"tool_result","tool_use_id":"a","content":"1"}]}]}
      """, .messages, .anthropic)
    #expect(own.messages()[2]["content"]?[0]?["type"]?.string == "tool_result")
    #expect(own.messages()[2]["content"]?[1]?["text"]?.string == "and?")
    let chat = try Made(
      """
      {"messages":[{"role":"user","content":"q"},{"role":"assistant","content":null,"tool_calls":[
        {"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"user","content":"hm"},
        {"role":"assistant","content":"wait"},{"role":"tool","tool_call_id":"a","content":"one"}]}
      """, .chat, .anthropic)
    #expect(chat.messages()[2]["content"]?[0]?["tool_use_id"]?.string == "a")
    #expect(chat.roles == "user assistant user assistant")
  }

  @Test func `images in results of tools follow as the user's for chat backends`() throws {
    let made = try Made(
      """
      {"max_tokens":9,"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[
        {"type":"tool_use","id":"a","name":"shot","input":{}},{"type":"tool_use","id":"b","name":"shot","input":{}}]},
        {"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[{"type":"text","text":"see"},
          {"type":"image","source":{"type":"base64","media_type":"image/png","data":"QUJD"}}]},
          {"type":"tool_result","tool_use_id":"b","content":"none"},{"type":"text","text":"Well?"}]}]}
      """, .messages, .compatible)
    #expect(made.roles == "user assistant tool tool user")
    #expect(made.messages()[2]["content"]?.string == "see")
    let parts = made.messages()[4]["content"]
    #expect(parts?[0]?["image_url"]?["url"]?.string == "data:image/png;base64,QUJD")
    #expect(parts?[1]?["text"]?.string == "Well?")
  }

  @Test func `numbers in arguments keep their digits`() throws {
    let arguments = #"{"id":12345678901234567890,"x":1.0,"y":1e2,"z":[0.10]}"#
    let quoted = arguments.replacing("\"", with: "\\\"")
    let chat = """
      {"messages":[{"role":"user","content":"q"},{"role":"assistant","content":null,"tool_calls":[
        {"id":"c1","type":"function","function":{"name":"g","arguments":"\(quoted)"}}]},
        {"role":"tool","tool_call_id":"c1","content":"ok"}],
       "tools":[{"type":"function","function":{"name":"g","parameters":{"type":"object","properties":
         {"a":{"type":"number","maximum":1.0,"minimum":-12345678901234567890}}}}}]}
      """
    let claude = try Made(chat, .chat, .anthropic)
    #expect(claude.json(claude.messages()[1]["content"]?[0]?["input"]) == arguments)
    #expect(claude.text.contains(#""maximum":1.0,"minimum":-12345678901234567890"#))
    let items = """
      {"input":[{"role":"user","content":"q"},{"type":"function_call","call_id":"c","name":"g","arguments":"\(quoted)"},
        {"type":"function_call_output","call_id":"c","output":"ok"}]}
      """
    let viaResponses = try Made(items, .responses, .anthropic)
    #expect(viaResponses.json(viaResponses.messages()[1]["content"]?[0]?["input"]) == arguments)
    let message = """
      {"max_tokens":9,"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[
        {"type":"tool_use","id":"a","name":"g","input":\(arguments)}]},
        {"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"ok"}]}]}
      """
    let other = try Made(message, .messages, .compatible)
    #expect(other.messages()[1]["tool_calls"]?[0]?["function"]?["arguments"]?.string == arguments)
  }
}
