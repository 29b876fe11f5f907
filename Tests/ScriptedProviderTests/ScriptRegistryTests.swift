import JSON
import ScriptedProvider
import Testing

@Suite("Scripts")
struct ScriptRegistryTests {
  private func request(_ text: String, model: String = "m") throws -> MockRequest {
    let json = #"{"model": "\#(model)", "messages": [{"role": "user", "content": "\#(text)"}]}"#
    return try #require(MockRequest(try JSONDocument(parsing: json).root, .chat))
  }

  private func script(_ reply: String, match: String = "", model: String = "", times: Int = 0) -> MockScript {
    var script = MockScript()
    (script.reply, script.match, script.model, script.times) = (reply, match, model, times)
    return script
  }

  @Test("The first script that matches counts")
  func firstMatch() throws {
    let registry = ScriptRegistry(
      [script("for other", model: "other"), script("on apples", match: "apples"), script("rest")],
      standard: MockScript())
    #expect(registry.script(for: try request("about apples")).reply == "on apples")
    #expect(registry.script(for: try request("about pears")).reply == "rest")
    #expect(registry.script(for: try request("about apples", model: "other")).reply == "for other")
  }

  @Test("A script with a limit is used so often and no more, until the scripts are replaced")
  func limitedUses() throws {
    let scripts = [script("limited", times: 2), script("after")]
    let registry = ScriptRegistry(scripts, standard: MockScript())
    let replies = try (0..<3).map { _ in registry.script(for: try request("x")).reply }
    #expect(replies == ["limited", "limited", "after"])
    registry.replace(scripts)
    #expect(registry.script(for: try request("x")).reply == "limited")
  }

  @Test("Scripts are read from a document, and a wrong one is named")
  func reading() throws {
    let read = try ScriptRegistry.read(Array(#"{"scripts": [{"match": "a", "status": 429, "fault": "cut"}]}"#.utf8))
    #expect(read.count == 1)
    #expect(read.first?.status == 429)
    #expect(read.first?.fault == .cut)
    #expect(throws: (any Error).self) {
      try ScriptRegistry.read(Array(#"{"scripts": [{"fault": "explode"}]}"#.utf8))
    }
  }

  @Test("Without a script a tool that the request requires is called, once")
  func requiredTool() throws {
    let registry = ScriptRegistry([], standard: .standard(latency: .zero))
    let tools =
      #""tools": [{"type": "function", "function": {"name": "calculate"}}], "tool_choice": "required""#
    let first = #"{"model": "m", \#(tools), "messages": [{"role": "user", "content": "what is 2 + 3?"}]}"#
    let asked = try #require(MockRequest(try JSONDocument(parsing: first).root, .chat))
    #expect(registry.script(for: asked).toolCalls == [.init(name: "calculate", arguments: #"{"expression":"2 + 3"}"#)])
    let second =
      #"{"model": "m", \#(tools), "messages": [{"role": "user", "content": "x"}, {"role": "tool", "content": "5"}]}"#
    let answered = try #require(MockRequest(try JSONDocument(parsing: second).root, .chat))
    #expect(registry.script(for: answered).toolCalls.isEmpty)
    #expect(registry.script(for: answered).reply == "The result is 5.")
  }

  /// A chat in which tools have answered so often.
  private func chat(_ prompt: String, results: [String]) throws -> MockRequest {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("model", "m")
    writer.objects("tools", ["calculator", "text_lines", "run_python"]) { name, writer in
      writer.member("type", "function")
      writer.member("function", raw: Array(#"{"name":"\#(name)","parameters":{"type":"object"}}"#.utf8))
    }
    writer.objects("messages", [("user", prompt)] + results.flatMap { [("assistant", ""), ("tool", $0)] }) {
      message, writer in
      writer.member("role", message.0)
      writer.member("content", message.1)
    }
    writer.endObject()
    return try #require(MockRequest(try JSONDocument(parsing: writer.bytes).root, .chat))
  }

  @Test("A script says something else in each turn, with what the tools have answered")
  func turns() throws {
    let text = #"""
      {"scripts": [{"match": "count", "turns": [
        {"tool_calls": [{"name": "read", "arguments": "{\"name\":\"a.txt\"}"}]},
        {"tool_calls": [{"name": "run", "arguments": "{\"text\":\"{tool_result}\"}"}]},
        {"reply": "it says {tool_result}"}]}]}
      """#
    let registry = ScriptRegistry(try ScriptRegistry.read(Array(text.utf8)), standard: MockScript())
    func said(_ results: [String]) throws -> [String] {
      let script = registry.script(for: try chat("count it", results: results))
      return script.toolCalls.map(\.name) + [script.reply]
    }
    #expect(try said([]) == ["read", ""])
    #expect(try said(["one \"two\""]) == ["run", ""])
    #expect(try said(["one", "3"]) == ["it says {tool_result}"])
    #expect(try said(["one", "3", "4"]) == ["it says {tool_result}"])
  }

  @Test("Scripts can depend on what a tool has answered, and on the system prompt")
  func conditions() throws {
    var failed = script("it failed")
    failed.matchToolResult = "error"
    let registry = ScriptRegistry([failed, script("fine")], standard: MockScript())
    #expect(registry.script(for: try chat("x", results: ["error: no"])).reply == "it failed")
    #expect(registry.script(for: try chat("error", results: [])).reply == "fine")
  }

  @Test("Without a script the tools that a prompt names are called one after the other, with the arguments behind them")
  func namedTools() throws {
    let registry = ScriptRegistry([], standard: .standard(latency: .zero))
    let prompt = #"Use text_lines {"artefact": "a}.txt"} first, then use run_python {"code": "print(1)"}."#
    func calls(_ results: [String]) throws -> [MockScript.ToolCall] {
      registry.script(for: try chat(prompt, results: results)).toolCalls
    }
    #expect(try calls([]) == [.init(name: "text_lines", arguments: #"{"artefact": "a}.txt"}"#)])
    #expect(try calls(["x"]) == [.init(name: "run_python", arguments: #"{"code": "print(1)"}"#)])
    #expect(try calls(["x", "1"]).isEmpty)
    #expect(registry.script(for: try chat(prompt, results: ["x", "1"])).reply == "The result is 1.")
  }
}
