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
}
