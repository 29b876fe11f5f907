import Dialects
import JSON
import Testing

/// How much to think, and what was thought, between the dialects.
@Suite struct ThinkingTests {
  private func chat(_ rest: String) -> String { #"{"messages":[{"role":"user","content":"x"}],"# + rest + "}" }
  private func message(_ rest: String) -> String {
    #"{"max_tokens":64000,"messages":[{"role":"user","content":"x"}],"# + rest + "}"
  }

  @Test(arguments: ["low", "medium", "high", "xhigh"])
  func `an effort becomes a budget below the bound of the answer`(_ effort: String) throws {
    for text in [
      chat(#""reasoning_effort":"\#(effort)""#), chat(#""reasoning_effort":"\#(effort)","max_tokens":4000"#),
      chat(#""reasoning_effort":"\#(effort)","max_completion_tokens":90000"#),
    ] {
      let made = try Made(text, .chat, .anthropic)
      let budget = try #require(made.root["thinking"]?["budget_tokens"]?.int)
      #expect(budget >= 1024 && budget < (made.root["max_tokens"]?.int ?? 0))
      #expect(made.root["thinking"]?["type"]?.string == "enabled" && made.dropped.isEmpty)
    }
  }

  @Test func `newer models are given the effort itself`() throws {
    let made = try Made(
      #"{"input":"x","reasoning":{"effort":"low"}}"#, .responses, .anthropic, model: "claude-sonnet-4-6")
    #expect(made.json(made.root["thinking"]) == #"{"type":"adaptive"}"#)
    #expect(made.root["output_config"]?["effort"]?.string == "low")
  }

  @Test func `what cannot be asked for is named`() throws {
    #expect(
      try Made(chat(#""reasoning_effort":"high","max_tokens":100"#), .chat, .anthropic).dropped == ["reasoning_effort"])
    #expect(
      try Made(chat(#""reasoning_effort":"high""#), .chat, .anthropic, model: "claude-3-5-haiku-latest").dropped
        == ["reasoning_effort"])
    #expect(
      try Made(chat(#""reasoning_effort":"high""#), .chat, .anthropic, thinks: false).dropped == ["reasoning_effort"])
    let plain = try Made(message(#""output_config":{"effort":"high"}"#), .messages, .openai, thinks: false)
    #expect(plain.root["reasoning_effort"] == nil && plain.dropped == ["output_config.effort"])
    let responses = try Made(
      #"{"input":"x","text":{"verbosity":"low"},"reasoning":{"summary":"auto"},"client_metadata":{"a":"b"},"store":true}"#,
      .responses, .compatible)
    #expect(Set(responses.dropped) == ["text.verbosity", "reasoning.summary", "client_metadata", "store"])
    let other = try Made(
      message(#""mcp_servers":[],"container":"c","context_management":{},"speed":"fast","metadata":{"a":"b"}"#),
      .messages,
      .compatible)
    #expect(Set(other.dropped) == ["mcp_servers", "container", "context_management", "speed", "metadata.a"])
    let chat = try Made(
      self.chat(#""web_search_options":{},"logprobs":true,"metadata":{"a":"b"},"verbosity":"low""#), .chat, .anthropic)
    #expect(Set(chat.dropped) == ["web_search_options", "logprobs", "metadata", "verbosity"])
  }

  @Test func `thinking becomes an effort`() throws {
    for (thinking, effort) in [
      (#""thinking":{"type":"enabled","budget_tokens":2000}"#, "low"),
      (#""thinking":{"type":"enabled","budget_tokens":32000}"#, "high"),
      (#""thinking":{"type":"adaptive"},"output_config":{"effort":"medium"}"#, "medium"),
      (#""output_config":{"effort":"max"}"#, "high"),
    ] {
      for kind in [Kind.openai, .compatible] {
        let made = try Made(message(thinking), .messages, kind)
        #expect(made.root["reasoning_effort"]?.string == effort && made.dropped.isEmpty)
      }
    }
  }

  @Test func `thinking gives way to what it cannot be had with`() throws {
    let forced = try Made(
      chat(
        #""reasoning_effort":"high","tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"required""#),
      .chat, .anthropic)
    #expect(forced.root["thinking"] == nil && forced.dropped == ["thinking"])
    let cool = try Made(chat(#""reasoning_effort":"high","temperature":0.2"#), .chat, .anthropic)
    #expect(cool.root["temperature"] == nil && cool.root["thinking"] != nil && cool.dropped == ["temperature"])
    let history = try Made(
      """
      {"reasoning_effort":"high","messages":[{"role":"user","content":"q"},{"role":"assistant","content":null,"tool_calls":[
        {"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"a","content":"1"}]}
      """, .chat, .anthropic)
    #expect(history.root["thinking"] == nil && history.dropped == ["thinking"])
  }

  @Test func `thoughts before calls go back to chat backends`() throws {
    let text = """
      {"max_tokens":50,"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[
        {"type":"thinking","thinking":"T1","signature":""},{"type":"tool_use","id":"t1","name":"get","input":{}}]},
        {"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"1"}]},
        {"role":"assistant","content":[{"type":"thinking","thinking":"T2","signature":""},{"type":"text","text":"a"}]},
        {"role":"user","content":"b"}]}
      """
    let made = try Made(text, .messages, .compatible)
    #expect(made.messages()[1]["reasoning_content"]?.string == "T1" && !made.text.contains("T2"))
    #expect(!(try Made(text, .messages, .openai).text.contains("T1")))
  }

  @Test func `thoughts with a signature come back to Anthropic`() throws {
    let items = """
      {"input":[{"role":"user","content":"q"},{"type":"reasoning","id":"rs","summary":[{"type":"summary_text","text":"hm"}],
        "encrypted_content":"cadre:signature:EqQB"},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},
        {"type":"function_call_output","call_id":"c","output":"1"}],"reasoning":{"effort":"high"}}
      """
    let made = try Made(items, .responses, .anthropic)
    #expect(
      made.json(made.messages()[1]["content"]?[0]) == #"{"type":"thinking","thinking":"hm","signature":"EqQB"}"#)
    #expect(made.root["thinking"]?["type"]?.string == "enabled")
    // Those of another model, and those that another provider cannot read.
    let other = items.replacing("cadre:signature:EqQB", with: "gAAA")
    #expect(try !Made(other, .responses, .anthropic).text.contains("hm"))
    #expect(try !Made(items, .responses, .openai).text.contains("cadre:signature"))
    #expect(try Made(other, .responses, .openai).text.contains("gAAA"))
    let chat = """
      {"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a","reasoning_content":"hm",
        "thinking_blocks":[{"type":"thinking","thinking":"hm","signature":"EqQB"}]},{"role":"user","content":"b"}]}
      """
    let blocks = try Made(chat, .chat, .anthropic)
    #expect(blocks.messages()[1]["content"]?[0]?["signature"]?.string == "EqQB" && blocks.dropped.isEmpty)
    let details = try Made(
      """
      {"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a","reasoning_content":"hm",
        "reasoning_details":[{"type":"reasoning.text","signature":"EqQB","format":"anthropic-claude-v1"}]},
        {"role":"user","content":"b"}]}
      """, .chat, .anthropic)
    #expect(
      details.json(details.messages()[1]["content"]?[0])
        == #"{"type":"thinking","thinking":"hm","signature":"EqQB"}"#)
    let without = try Made(chat.replacing("thinking_blocks", with: "annotations"), .chat, .anthropic)
    #expect(without.dropped == ["messages.reasoning_content"])
  }

  @Test func `thoughts of a message go to a chat and back unchanged`() throws {
    let blocks = [
      #"{"type":"thinking","thinking":"first","signature":"EqQB"}"#, #"{"type":"redacted_thinking","data":"ZGF0YQ=="}"#,
      #"{"type":"thinking","thinking":"second \"quoted\"","signature":"EqQC"}"#,
    ]
    let answer = """
      {"id":"msg_9","type":"message","role":"assistant","model":"x","content":[\(blocks.joined(separator: ",")),
        {"type":"tool_use","id":"c","name":"f","input":{}}],"stop_reason":"tool_use","stop_sequence":null,
       "usage":{"input_tokens":40,"output_tokens":7}}
      """
    let chat = try JSONDocument(parsing: AnswerPlay.wholeBytes(answer, from: .messages, to: .chat)).root
    let echoed = try #require(chat["choices"]?[0]?["message"])
    let made = try Made(
      """
      {"messages":[{"role":"user","content":"q"},\(String(decoding: echoed.rawBytes, as: UTF8.self)),
        {"role":"tool","tool_call_id":"c","content":"1"}]}
      """, .chat, .anthropic)
    let content = made.messages()[1]["content"]
    for (index, block) in blocks.enumerated() { #expect(made.json(content?[index]) == block) }
  }
}

/// What names of models say.
@Suite struct ModelNameTests {
  @Test(arguments: [
    ("claude-opus-4-7", true), ("anthropic.claude-sonnet-5-v1:0", true), ("Claude-Fable-5", true),
    ("claude-opus-4-6", false), ("claude-sonnet-4-20250514", false), ("claude-3-5-haiku-20241022", false),
    ("o3-mini", true), ("openai/gpt-5-nano", true), ("GPT-5", true), ("gpt-5-chat-latest", false), ("gpt-5.1", false),
    ("gpt-4o", false), ("orca", false), ("", false), ("clclaude-5", true),
  ])
  func `models that refuse sampling are known by their names`(_ name: String, _ refuses: Bool) throws {
    let text = #"{"temperature":0.5,"messages":[{"role":"user","content":"x"}]}"#
    for kind in [Kind.openai, .compatible] {
      #expect(try Made(text, .chat, kind, model: name).dropped.isEmpty != refuses)
    }
  }
}
