import Contracts
import Crypto
import JSON
import Primitives
import Testing

@testable import AgentLoop

/// What an agent keeps: beliefs, summaries, cut texts, thoughts; and records of earlier versions.
@Suite struct MemoryTests {
  private func start(_ more: String = "", _ journal: [CallReport] = []) throws -> AttemptStart {
    let text = "{\"prompt\":\"the question\"\(more.isEmpty ? "" : ",\(more)")}"
    return AttemptStart(
      input: AgentInput(try JSONDocument(parsing: text).root, model: "m"), journal: MemoryJournal.recorded(journal))
  }

  private func messages(_ model: ScriptedModel) throws -> [JSONView] {
    Array(try #require(model.requests.last?["messages"]).elements)
  }

  @Test func `beliefs are changed by a tool, noted when they have changed, and know which source was seen`()
    async throws
  {
    let facts =
      #"{"facts":[{"text":"it is 2","source":"calculate","confidence":0.9},{"text":"a guess","source":"me"}],"plan":[{"step":"add","status":"done"},"tell"],"open_questions":["why?"]}"#
    let model = ScriptedModel(
      Completion.calculate("1+1"), Completion.calls([("update_beliefs", facts)]), Completion.text("2"))
    let recorder = MemoryJournal()
    _ = try await attempt(try start(#""goal":"add up","tools":["calculator"]"#), models: model, recorder: recorder)
    let notes = recorder.entries.filter { $0.name == "belief" }
    #expect(notes.count == 1)
    let belief = try JSONDocument(parsing: try #require(notes.first?.result)).root
    #expect(belief["goal"]?.string == "add up")
    #expect(belief["facts"]?[0]?["observed"]?.bool == true)
    #expect(belief["facts"]?[0]?["confidence"]?.double == 0.9)
    #expect(belief["facts"]?[1]?["observed"]?.bool == false)
    #expect(belief["plan"]?.count == 2 && belief["open_questions"]?[0]?.string == "why?")
    #expect(belief["observations"]?[0]?["tool"]?.string == "calculate")
  }

  @Test func `beliefs are bounded whatever a model sends`() throws {
    var beliefs = BeliefState(goal: String(repeating: "g", count: 100_000))
    let list = (0..<500).map { "{\"text\":\"\(String(repeating: "x", count: 2000)) \($0)\",\"confidence\":\($0)e300}" }
    let words = (0..<500).map { "\"\(String(repeating: "y", count: 2000)) \($0)\"" }.joined(separator: ",")
    let arguments = try JSONDocument(
      parsing:
        "{\"facts\":[\(list.joined(separator: ","))],\"open_questions\":[\(words)],\"plan\":[\(words)],\"drop_facts\":7}"
    )
    for turn in 0..<3 { _ = beliefs.update(arguments.root, turn: turn) }
    for turn in 0..<100 {
      beliefs.observe("t", ToolReport(text: String(repeating: "z", count: 100_000)), turn: turn)
    }
    #expect(beliefs.facts.count == BeliefState.factsMax)
    #expect(beliefs.document.count < 80_000)
    #expect(beliefs.text.utf8.count < 80_000)
  }

  private func long(_ count: Int) -> FakeTools {
    FakeTools(
      [FakeTools.tool("read")],
      result: { call in
        .report(ToolReport(text: String(repeating: "word ", count: count) + call.key))
      })
  }

  @Test func `old turns are summarised before the context is full; calls stay with their results`() async throws {
    let model = TalkingModel { request, number in
      let last = request["messages"]?.elements.reversed().first?["content"]?.string ?? ""
      if last.contains("Summarise it") { return Completion.text("a summary") }
      return number < 20 ? Completion.calls([("read", "{\"n\":\(number)}")]) : Completion.text("all read")
    }
    let recorder = MemoryJournal()
    let result = try await attempt(
      try start(#""tools":["read"],"goal":"read all","limits":{"context_tokens_max":1000}"#), models: model,
      recorder: recorder, tools: long(100))
    #expect(String(decoding: result.output, as: UTF8.self).contains("all read"))
    #expect(recorder.entries.contains { $0.name == "compact" })
    for request in model.requests {
      var open: Set<String> = []
      for message in try #require(request["messages"]).elements {
        for call in message["tool_calls"].map({ Array($0.elements) }) ?? [] { open.insert(call["id"]?.string ?? "") }
        if let id = message["tool_call_id"]?.string { #expect(open.remove(id) != nil) }
      }
      #expect(open.isEmpty)
    }
    let summarised = model.requests.compactMap { request in
      request["messages"]?[1]?["content"]?.string.flatMap { $0.contains("Your summary of them") ? $0 : nil }
    }
    #expect(summarised.first?.contains("Goal: read all") == true)
    #expect(summarised.first?.contains("Tools called so far") == true)
  }

  @Test func `the provider's count takes the place of the estimate`() {
    var window = ContextWindow(tokensMax: 1000)
    #expect(window.tokens(ofBytes: 4000) == 1000)
    window.counted(2000, forBytes: 4000)
    #expect(window.tokens(ofBytes: 4400) == 2100)
    window.counted(0, forBytes: 4000)
    window.counted(.max, forBytes: 4000)
    #expect(window.tokens(ofBytes: 4000) == 2000)
    #expect(window.turnsToSummarise([100], requestBytes: 1 << 20) == 0)
    #expect(window.turnsToSummarise([100, 100, 1 << 20], requestBytes: 1 << 20) == 2)
    #expect(ContextWindow(tokensMax: 1000).turnsToSummarise([1000, 1000, 1000, 1000], requestBytes: 4000) == 3)
    #expect(ContextWindow(tokensMax: 1000).turnsToSummarise([100, 100], requestBytes: 400) == 0)
  }

  @Test func `a result that is too long keeps its beginning and its end, and says where the rest is`() async throws {
    let model = ScriptedModel(Completion.calls([("read", "{}")]), Completion.text("ok"))
    let tools = long(3000)
    let recorder = MemoryJournal()
    _ = try await attempt(
      try start(#""tools":["read"],"limits":{"context_tokens_max":2000}"#), models: model, recorder: recorder,
      tools: tools)
    let text = try #require(messages(model).last?["content"]?.string)
    #expect(text.utf8.count <= 1024)
    #expect(text.hasPrefix("word word"))
    #expect(text.contains("the whole text is the artefact \"tool-results/turn-1-call-0.txt\""))
    #expect(tools.kept["tool-results/turn-1-call-0.txt"]?.utf8.count ?? 0 > 15_000)
    // The journal holds what the model has read.
    #expect(recorder.entries.allSatisfy { $0.result.count < 4000 })
    for length in 0..<40 {
      #expect(
        TextCut.headAndTail(String(repeating: "ü🧨", count: 300), bytesMax: 300 + length, whole: nil).utf8.count <= 300
          + length)
    }
  }

  @Test func `thoughts go back unchanged, whatever their form`() async throws {
    let thoughts = #"""
      "reasoning_content":"hm","reasoning":"hm","reasoning_details":[
        {"type":"reasoning.text","text":"hm","signature":"c2ln","format":"anthropic-claude-v1"},
        {"type":"reasoning.encrypted","data":"ZGF0YQ==","id":"r1"}],"thinking_blocks":[{"type":"redacted_thinking","data":"x"}]
      """#
    let model = ScriptedModel(
      Completion.message(
        #"""
        "content":null,\#(thoughts),"tool_calls":[{"id":"a","type":"function",
          "function":{"name":"calculate","arguments":"{\"expression\":\"1+1\"}"}}]
        """#,
        finish: "tool_calls"), Completion.text("2"))
    _ = try await attempt(try start(), models: model, recorder: MemoryJournal())
    let echoed = try #require(model.requests.last?["messages"]?[1])
    let sent = try JSONDocument(parsing: "{\(thoughts)}").root
    for name in ["reasoning_content", "reasoning", "reasoning_details", "thinking_blocks"] {
      #expect(echoed[name].map { Array($0.rawBytes) } == sent[name].map { Array($0.rawBytes) })
    }
  }

  @Test func `a journal of an earlier version is gone on with, byte for byte as that version did`() async throws {
    let head = #"{"model":"m","messages":[{"role":"user","content":"the question"}"#
    let calls =
      #""tool_calls":[{"id":"id0","type":"function","function":{"name":"calculate","arguments":"{\"expression\":\"1+1\"}"}}]"#
    let turn =
      #",{"role":"assistant","content":null,\#(calls),"reasoning_content":"hm"},{"role":"tool","tool_call_id":"id0","content":"2"}"#
    let tail = "],\"tools\":\(String(decoding: ToolDeclaration.legacy, as: UTF8.self))}"
    func digest(_ text: String) -> String { Hex.encode(Digest.sha256(Array(text.utf8))) }
    let answer = Completion.message(
      #""content":null,"reasoning_content":"hm","reasoning_details":[{"signature":"s"}],\#(calls)"#,
      finish: "tool_calls")
    let journal = [
      CallReport(
        kind: .model, index: 0, name: "m", requestSHA256: digest(head + tail), result: Array(answer.utf8)),
      CallReport(
        kind: .tool, index: 1, name: "calculate", requestSHA256: digest("calculate\n{\"expression\":\"1+1\"}"),
        result: Array(#"{"text":"2"}"#.utf8)),
    ]
    for kept in 1...2 {
      let model = ScriptedModel(Completion.text("2"))
      let recorder = MemoryJournal()
      let result = try await attempt(
        try start("", Array(journal.prefix(kept))), models: model, recorder: recorder)
      #expect(model.bodies.map { String(decoding: $0, as: UTF8.self) } == [head + turn + tail])
      #expect((recorder.entries + result.calls).map(\.index) == Array(kept...2))
      #expect(recorder.entries.map(\.requestSHA256) == journal.dropFirst(kept).map(\.requestSHA256))
    }
  }

  @Test func `a step that is given back records what is known and begins nothing`() async throws {
    struct Draining: ModelCalling {
      func complete(_ request: [UInt8]) async throws -> ModelReply { throw AttemptReleased() }
    }
    let recorder = MemoryJournal()
    await #expect(throws: AttemptReleased.self) {
      try await attempt(try start(), models: Draining(), recorder: recorder)
    }
    let tools = FakeTools(
      [FakeTools.tool("read"), FakeTools.tool("other")],
      result: { call in
        if call.name == "read" { throw AttemptReleased() }
        return .report(ToolReport(text: "done"))
      })
    let model = ScriptedModel(Completion.calls([("read", "{}"), ("other", "{}")]))
    let released = await #expect(throws: AttemptReleased.self) {
      try await attempt(try start(#""tools":["*"]"#), models: model, recorder: recorder, tools: tools)
    }
    let all = recorder.entries + (released?.calls ?? [])
    #expect(all.contains { $0.name == "other" && $0.kind == .tool })
    #expect(all.map(\.index) == Array(0..<all.count))
  }
}
