import Dialects
import JSON
import Testing

/// What the true providers refuse does not reach them.
@Suite struct ProviderRuleTests {
  private static let longName = "mcp__plugin_with_a_long_name__get_failed_pipeline_jobs_of_a_merge_request_by_id"

  private func chat(_ rest: String) -> String { #"{"messages":[{"role":"user","content":"x"}],"# + rest + "}" }

  @Test(arguments: Kind.allCases)
  func `a long tool name becomes the same short one in tools, choice and history`(_ kind: Kind) throws {
    let name = ProviderRuleTests.longName + String(repeating: "x", count: 60)
    let text = """
      {"tools":[{"type":"function","function":{"name":"\(name)","parameters":{"type":"object"}}},
        {"type":"function","function":{"name":"short"}}],
       "tool_choice":{"type":"function","function":{"name":"\(name)"}},
       "messages":[{"role":"user","content":"x"},{"role":"assistant","content":null,"tool_calls":[
         {"id":"c1","type":"function","function":{"name":"\(name)","arguments":"{}"}},
         {"id":"c2","type":"function","function":{"name":"short","arguments":"{}"}}]},
        {"role":"tool","tool_call_id":"c1","content":"1"},{"role":"tool","tool_call_id":"c2","content":"2"}]}
      """
    let made = try Made(text, .chat, kind)
    let isClaude = kind == .anthropic
    let tools = try #require(made.root["tools"])
    let wire = try #require((isClaude ? tools[0] : tools[0]?["function"])?["name"]?.string)
    #expect(wire.utf8.count <= (isClaude ? 128 : 64) && !made.text.contains(name))
    #expect(made.text.components(of: "\"\(wire)\"") == 3)
    #expect(made.names.original(wire) == ToolIdentity(name: name))
    #expect(made.names.original("short") == nil && !made.names.isEmpty)
    // Another replica, a later request without the tools: the history finds the same name.
    let later = text.replacing("\"tools\":[", with: "\"metadata\":[").replacing("\"tool_choice\"", with: "\"store\"")
    #expect(try Made(later, .chat, kind).text.contains("\"\(wire)\""))
  }

  @Test func `names that differ only where they are cut do not meet`() throws {
    let stem = String(repeating: "a", count: 70)
    let tools = (0..<50).map { #"{"type":"function","function":{"name":"\#(stem)\#($0)"}}"# }.joined(separator: ",")
    let made = try Made(chat("\"tools\":[\(tools)]"), .chat, .openai)
    let names = made.root["tools"]?.elements.compactMap { $0["function"]?["name"]?.string } ?? []
    #expect(Set(names).count == 50 && names.allSatisfy { $0.utf8.count <= 64 })
    #expect(Set(names.compactMap { made.names.original($0)?.name }).count == 50)
  }

  @Test(arguments: ["files.read", "read file", "läs", "", "a/b"])
  func `a name with other characters is taken`(_ name: String) throws {
    for kind in Kind.allCases {
      let made = try Made(
        #"{"max_tokens":9,"messages":[{"role":"user","content":"x"}],"tools":[{"name":"\#(name)","input_schema":{"type":"object"}}]}"#,
        .messages, kind)
      let tool = made.root["tools"]?[0]
      let wire = (tool?["function"] ?? tool)?["name"]?.string ?? ""
      #expect(!wire.isEmpty && wire.utf8.allSatisfy { $0 == 95 || $0 == 45 || $0.isWord })
      #expect(made.names.original(wire)?.name == name)
    }
  }

  @Test func `what the provider takes goes on byte for byte in its own dialect`() throws {
    let text = """
      {"model":"there","messages":[ {"role":"user","content":"x"},{"role":"assistant","content":"y","tool_calls":[
        {"id":"call_1","type":"function","function":{"name":"f","arguments":"{\\"a\\": 1.0}"}}]},
        {"role":"tool","tool_call_id":"call_1","content":"z"}],"seed":12345678901234567890,"new_member":{"a":1.50},
       "tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{}}}}]}
      """
    for kind in [Kind.openai, .compatible] {
      let made = try Made(text, .chat, kind)
      let sent = made.root.members.map { made.json($0.value) }
      let own = try JSONDocument(parsing: text).root.members.map { made.json($0.value) }
      #expect(sent == own && made.names.isEmpty && made.dropped.isEmpty)
    }
  }

  @Test(arguments: Kind.allCases)
  func `schemas are objects with properties`(_ kind: Kind) throws {
    for schema in [#"{"type":"object"}"#, "{}", "null", #"{"type":["object","null"]}"#, #"{"properties":{"a":{}}}"#] {
      let made = try Made(
        chat(#""tools":[{"type":"function","function":{"name":"f","parameters":\#(schema)}}]"#), .chat, kind)
      let tool = made.root["tools"]?[0]
      let sent = tool?["input_schema"] ?? tool?["function"]?["parameters"]
      #expect(sent?["type"]?.string == "object")
      #expect(kind == .anthropic || sent?["properties"]?.kind == .object)
    }
  }

  @Test func `a choice at the root of a schema becomes one object`() throws {
    let schema = """
      {"anyOf":[{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]},{"properties":{"b":{}}}]}
      """
    for kind in [Kind.openai, .anthropic] {
      let made = try Made(
        chat(#""tools":[{"type":"function","function":{"name":"f","parameters":\#(schema)}}]"#), .chat, kind)
      let tool = made.root["tools"]?[0]
      let sent = try #require(tool?["input_schema"] ?? tool?["function"]?["parameters"])
      #expect(sent["anyOf"] == nil && sent["properties"]?.count == 2 && sent["required"] == nil)
    }
  }

  @Test(arguments: [Kind.openai, .compatible])
  func `a long user becomes a digest, always the same`(_ kind: Kind) throws {
    let user = String(repeating: "u", count: 150)
    let text = #"{"max_tokens":9,"metadata":{"user_id":"\#(user)"},"messages":[{"role":"user","content":"x"}]}"#
    let sent = try #require(try Made(text, .messages, kind).root["user"]?.string)
    #expect(sent.utf8.count == 64)
    #expect(try Made(chat(#""user":"\#(user)""#), .chat, kind).root["user"]?.string == sent)
    #expect(try Made(chat(#""user":"\#(user.dropLast())v""#), .chat, kind).root["user"]?.string != sent)
    #expect(try Made(#"{"input":"x","user":"\#(user)"}"#, .responses, .openai).root["user"]?.string == sent)
    let short = String(repeating: "s", count: 64)
    #expect(try Made(chat(#""user":"\#(short)""#), .chat, kind).root["user"]?.string == short)
  }

  @Test func `more stops than a provider takes are cut and named`() throws {
    let text = #"{"max_tokens":9,"stop_sequences":["a","b","c","d","e"],"messages":[{"role":"user","content":"x"}]}"#
    let made = try Made(text, .messages, .openai)
    #expect(made.json(made.root["stop"]) == #"["a","b","c","d"]"# && made.dropped == ["stop"])
    #expect(try Made(text, .messages, .compatible).root["stop"]?.count == 5)
    let blank = try Made(chat(#""stop":["\n","END"]"#), .chat, .anthropic)
    #expect(blank.json(blank.root["stop_sequences"]) == #"["END"]"# && blank.dropped == ["stop_sequences"])
  }

  @Test func `temperature and top_p keep to what a provider takes`() throws {
    let both = try Made(chat(#""temperature":0.2,"top_p":0.9"#), .chat, .anthropic)
    #expect(both.json(both.root["temperature"]) == "0.2" && both.root["top_p"] == nil && both.dropped == ["top_p"])
    let hot = try Made(chat(#""temperature":1.7"#), .chat, .anthropic)
    #expect(hot.root["temperature"]?.double == 1 && hot.dropped == ["temperature"])
    let plain = try Made(chat(#""temperature":0.3,"top_p":1"#), .chat, .anthropic)
    #expect(plain.root["temperature"]?.double == 0.3 && plain.dropped.isEmpty)
    let new = try Made(chat(#""temperature":0.3"#), .chat, .anthropic, model: "claude-opus-4-7")
    #expect(new.root["temperature"] == nil && new.dropped == ["temperature"])
    let thinker = try Made(chat(#""temperature":0.3"#), .chat, .openai, model: "o3-mini")
    #expect(thinker.root["temperature"] == nil && thinker.dropped == ["temperature"])
    #expect(try Made(chat(#""temperature":0.3"#), .chat, .openai, model: "gpt-5.1").root["temperature"] != nil)
  }

  @Test(arguments: [Kind.openai, .compatible])
  func `a choice without tools is left out`(_ kind: Kind) throws {
    let made = try Made(chat(#""tools":[],"tool_choice":"auto","parallel_tool_calls":true"#), .chat, kind)
    #expect(made.root["tools"] == nil && made.root["tool_choice"] == nil && made.root["parallel_tool_calls"] == nil)
    #expect(made.dropped.isEmpty)
    #expect(try Made(chat(#""tool_choice":"required""#), .chat, kind).dropped == ["tool_choice"])
    let message = #"{"max_tokens":9,"tool_choice":{"type":"any"},"messages":[{"role":"user","content":"x"}]}"#
    #expect(try Made(message, .messages, .anthropic).root["tool_choice"] == nil)
  }

  @Test func `the bound of an answer has the name and the size that the model takes`() throws {
    let openai = try Made(chat(#""max_tokens":99999"#), .chat, .openai, limit: 16384)
    #expect(openai.root["max_tokens"] == nil && openai.root["max_completion_tokens"]?.int == 16384)
    #expect(openai.dropped == ["max_completion_tokens"])
    let claude = try Made(chat(#""max_completion_tokens":99999"#), .chat, .anthropic, limit: 8192)
    #expect(claude.root["max_tokens"]?.int == 8192)
  }

  @Test func `the role of developers is known at OpenAI only`() throws {
    let text = #"{"messages":[{"role":"developer","content":"a"},{"role":"user","content":"x"}]}"#
    #expect(try Made(text, .chat, .openai).roles == "developer user")
    #expect(try Made(text, .chat, .compatible).roles == "system user")
  }

  @Test func `members of answers that come back in a history are left out`() throws {
    let text = """
      {"messages":[{"role":"user","content":"x"},{"role":"assistant","content":null,"reasoning_content":"hm",
        "annotations":[],"refusal":null,"audio":null,"tool_calls":[
          {"id":"a","type":"function","function":{"name":"f","arguments":""}}]},
        {"role":"tool","tool_call_id":"a","content":"1"}]}
      """
    let openai = try Made(text, .chat, .openai)
    #expect(openai.messages()[1].members.map { $0.key.string } == ["role", "content", "tool_calls"])
    #expect(openai.dropped == ["messages.reasoning_content"])
    let other = try Made(text, .chat, .compatible)
    #expect(
      other.messages()[1].members.map { $0.key.string } == ["role", "content", "reasoning_content", "tool_calls"])
    #expect(other.messages()[1]["tool_calls"]?[0]?["function"]?["arguments"]?.string == "{}")
  }

  @Test func `thoughts without a signature do not go to Anthropic`() throws {
    let made = try Made(
      """
      {"max_tokens":9,"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[
        {"type":"thinking","thinking":"theirs","signature":""},{"type":"thinking","thinking":"own","signature":"EqQB"},
        {"type":"text","text":"a"}]},{"role":"user","content":"b"}]}
      """, .messages, .anthropic)
    #expect(!made.text.contains("theirs") && made.text.contains("own"))
  }
}

extension String {
  func components(of part: String) -> Int { self.ranges(of: part).count }
}

extension UInt8 {
  var isWord: Bool { (48...57).contains(self) || (65...90).contains(self) || (97...122).contains(self) }
}
