import Contracts
import JSON
import Testing

@testable import AgentLoop

@Suite struct AgentLoopTests {
  private func start(
    _ journal: [CallReport] = [], previous: PreviousFailure? = nil
  ) throws -> AttemptStart {
    AttemptStart(
      input: try .prompt("the question"), journal: MemoryJournal.recorded(journal), previousFailure: previous)
  }

  private func failure(_ model: ScriptedModel, _ start: AttemptStart? = nil) async throws -> AgentFailure {
    do {
      let result = try await attempt(start ?? self.start(), models: model, recorder: MemoryJournal())
      throw StackNote("delivered \(String(decoding: result.output, as: UTF8.self))")
    } catch let failure as AgentFailure { return failure }
  }

  private struct StackNote: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
  }

  private func root(_ result: AttemptResult) throws -> JSONView { try JSONDocument(parsing: result.output).root }

  // MARK: Turns

  @Test func `every tool call of a turn has its answer, and a turn is one write of the journal`() async throws {
    let model = ScriptedModel(
      Completion.calls(Array(repeating: ("calculate", "{\"expression\":\"1+1\"}"), count: 17)), Completion.text("34"))
    let journal = MemoryJournal()
    let result = try await attempt(try start(), models: model, recorder: journal)
    #expect(try root(result)["answer"]?.string == "34")
    let messages = Array(try #require(model.requests.last?["messages"]).elements)
    #expect(messages.filter { $0["role"]?.string == "tool" && $0["content"]?.string == "2" }.count == 17)
    #expect(Set(messages.compactMap { $0["tool_call_id"]?.string }).count == 17)
    #expect(journal.entries.map(\.index) == Array(0...18))
    #expect(journal.entries.first?.name == "start")
    #expect(journal.writeCount == 1)
    #expect(result.calls.map(\.index) == [19])
  }

  @Test func `calls beyond the bound are answered with an error and not run`() async throws {
    let count = AgentStateMachine.toolCallsPerTurnMax + 3
    let model = ScriptedModel(
      Completion.calls(Array(repeating: ("calculate", "{\"expression\":\"2*2\"}"), count: count)),
      Completion.text("done"))
    let journal = MemoryJournal()
    _ = try await attempt(try start(), models: model, recorder: journal)
    let results = try #require(model.requests.last?["messages"]).elements.filter { $0["role"]?.string == "tool" }
    #expect(results.count == count)
    #expect(results.suffix(3).allSatisfy { $0["content"]?.string?.hasPrefix("error: only") == true })
    #expect(journal.entries.count == AgentStateMachine.toolCallsPerTurnMax + 2)
  }

  @Test func `tools with odd names, ids and arguments are answered, and their records are storable`() async throws {
    let odd = #"""
      "role":"assistant","content":null,"tool_calls":[
        {"type":"function","function":{"name":"ca\u0000lc","arguments":"{}"}},
        {"id":"x","function":{"name":"\#(String(repeating: "🧨", count: 300))","arguments":"{"}},
        {"id":"x","function":{"name":"","arguments":""}},
        {"id":"y","function":{"name":"calculate","arguments":{"expression":"3*3"}}},
        {"id":"z"}, 7]
      """#
    let model = ScriptedModel(Completion.message(odd, finish: "tool_calls"), Completion.text("ok"))
    let journal = MemoryJournal()
    _ = try await attempt(try start(), models: model, recorder: journal)
    let messages = Array(try #require(model.requests.last?["messages"]).elements)
    let results = messages.filter { $0["role"]?.string == "tool" }.compactMap { $0["content"]?.string }
    #expect(results.count == 6)
    #expect(results.filter { $0 == "error: there is no tool of this name" }.count == 5)
    #expect(results[3] == "9")
    let calls = Array(try #require(messages[1]["tool_calls"]).elements)
    #expect(
      calls.allSatisfy { call in
        let name = call["function"]?["name"]?.string ?? ""
        return (1...64).contains(name.utf8.count) && name.utf8.allSatisfy { $0 < 0x80 && $0 > 0x20 }
      })
    #expect(Set(calls.compactMap { $0["id"]?.string }).count == 6)
    #expect(journal.entries.allSatisfy { (1...200).contains($0.name.utf8.count) && !$0.name.utf8.contains(0) })
  }

  @Test func `a history holds what providers know and nothing else`() async throws {
    let model = ScriptedModel(
      Completion.message(
        #"""
        "role":"assistant","content":null,"reasoning_content":"hm","annotations":[],"refusal":null,"audio":null,
        "tool_calls":[{"index":0,"id":"a","type":"function",
          "function":{"name":"calculate","arguments":"{\"expression\":\"1+1\"}"},"extra_content":{"sig":1}}]
        """#,
        finish: "tool_calls"), Completion.text("2"))
    _ = try await attempt(try start(), models: model, recorder: MemoryJournal())
    let echoed = try #require(model.requests.last?["messages"]?[1])
    #expect(echoed.members.map { $0.key.string ?? "" } == ["role", "content", "tool_calls", "reasoning_content"])
    #expect(
      echoed["tool_calls"]?[0]?.members.map { $0.key.string ?? "" } == ["id", "type", "function", "extra_content"])
  }

  // MARK: What is no answer

  @Test(
    arguments: [
      (Completion.text("", finish: "length"), "answer_cut", false),
      (Completion.text("half a sen", finish: "length"), "answer_cut", false),
      (Completion.text("half a sen", finish: "max_tokens"), "answer_cut", false),
      (Completion.text("", finish: "content_filter"), "answer_filtered", false),
      (Completion.text("some words", finish: "content_filter"), "answer_filtered", false),
      (Completion.message(#""content":null,"refusal":"I cannot help.""#), "answer_filtered", false),
      (Completion.message(#""content":[{"type":"refusal","refusal":"I cannot help."}]"#), "answer_filtered", false),
      (Completion.text(" \\n"), "empty_answer", true),
      (Completion.text(""), "empty_answer", true),
      (Completion.message(#""content":[]"#), "empty_answer", true),
      (Completion.message(#""content":null,"reasoning_content":"hm""#), "empty_answer", true),
      (Completion.message(#""content":[{"type":"thinking","thinking":"hm"}]"#), "empty_answer", true),
      (Completion.calls([("calculate", #"{"expression":"1+"#)], finish: "length"), "answer_cut", false),
      (#"{"choices":[]}"#, "model_garbage", true), (#"{"error":{"message":"x"}}"#, "model_garbage", true),
      (#"{"choices":[{"message":null}]}"#, "model_garbage", true), ("7", "model_garbage", true),
    ])
  func `an answer without words, or without its end, is no success`(
    _ answer: String, _ code: String, _ isRetryable: Bool
  ) async throws {
    let failure = try await failure(ScriptedModel(answer.replacing("\\\\n", with: "\\n")))
    #expect(failure.code == code)
    #expect(failure.isRetryable == isRetryable)
    // What was paid is recorded together with the failure.
    #expect(failure.calls.map(\.index) == [0])
    if answer.contains("I cannot help.") { #expect(failure.message.contains("I cannot help.")) }
  }

  @Test func `whole tool calls run even when the limit was reached`() async throws {
    let model = ScriptedModel(
      Completion.calls([("calculate", #"{"expression":"1+1"}"#)], finish: "length"), Completion.text("2"))
    let result = try await attempt(try start(), models: model, recorder: MemoryJournal())
    #expect(try root(result)["answer"]?.string == "2")
  }

  @Test func `text that comes in parts is read, and the model asked for is named where the provider names none`()
    async throws
  {
    let parts =
      #"[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"4"},{"type":"output_text","text":"2"}]"#
    let model = ScriptedModel(
      "{\"choices\":[{\"message\":{\"content\":\(parts)},\"finish_reason\":\"stop\"}]}")
    let result = try root(try await attempt(try start(), models: model, recorder: MemoryJournal()))
    #expect(result["answer"]?.string == "42")
    #expect(result["model"]?.string == "asked-model")
  }

  @Test func `an old function call is a tool call`() async throws {
    let model = ScriptedModel(
      Completion.message(
        #""content":null,"function_call":{"name":"calculate","arguments":"{\"expression\":\"6*7\"}"}"#,
        finish: "function_call"), Completion.text("42"))
    let result = try await attempt(try start(), models: model, recorder: MemoryJournal())
    #expect(try root(result)["answer"]?.string == "42")
    #expect(model.requests.last?["messages"]?[2]?["content"]?.string == "42")
  }

  // MARK: Models without tools

  @Test(
    arguments: [
      AgentFailure(
        code: "capability_missing", message: "No model behind 'x' can do what the request needs: tools.",
        isRetryable: false),
      AgentFailure(
        code: "provider_refused", message: "The provider refused the request (400): library/x does not support tools",
        isRetryable: false),
      AgentFailure(
        code: "provider_refused", message: "Function calling is not enabled for this model", isRetryable: false),
    ])
  func `a model that cannot use tools is asked without, also when the attempt is repeated`(
    _ refusal: AgentFailure
  ) async throws {
    let model = ScriptedModel([.failure(refusal), .answer(Completion.text("hello"))])
    let first = try await attempt(try start(), models: model, recorder: MemoryJournal())
    #expect(try root(first)["answer"]?.string == "hello")
    #expect(model.requests.map { $0["tools"] != nil } == [true, false])
    let silent = ScriptedModel()
    let again = try await attempt(try start(first.calls), models: silent, recorder: MemoryJournal())
    #expect(again.output == first.output)
    #expect(silent.requests.isEmpty)
  }

  @Test func `other refusals are not asked again without tools`() async throws {
    let refusal = AgentFailure(code: "provider_refused", message: "The tool schema is too long.", isRetryable: false)
    let model = ScriptedModel([.failure(refusal), .answer(Completion.text("hello"))])
    #expect(try await failure(model).code == "provider_refused")
    #expect(model.requests.count == 1)
  }

  // MARK: The journal

  @Test func `a lost attempt goes on from the journal and pays nothing twice`() async throws {
    let journal = MemoryJournal()
    let model = ScriptedModel(
      [
        .answer(Completion.calculate("1+1", "2+2")), .answer(Completion.calculate("3+3")),
        .failure(AgentFailure(code: "stopped", message: "x", isRetryable: true)),
      ])
    await #expect(throws: AgentFailure.self) {
      try await attempt(try start(), models: model, recorder: journal)
    }
    // Wherever the record ends, the rest is done and nothing else.
    for kept in 0...journal.entries.count {
      let rest = MemoryJournal()
      let later = ScriptedModel(
        (kept < 2 ? [Completion.calculate("1+1", "2+2")] : []).map { .answer($0) }
          + (kept < 5 ? [Completion.calculate("3+3")] : []).map { .answer($0) } + [.answer(Completion.text("12"))])
      let result = try await attempt(try start(Array(journal.entries.prefix(kept))), models: later, recorder: rest)
      #expect(try root(result)["answer"]?.string == "12")
      #expect((rest.entries + result.calls).map(\.index) == Array(kept...6))
      #expect(later.requests.count == (kept < 2 ? 3 : kept < 5 ? 2 : 1))
    }
  }

  @Test func `a record that does not fit is named and not guessed at`() async throws {
    let other = CallReport(kind: .model, index: 0, name: "m", requestSHA256: "other", result: Array("{}".utf8))
    let tool = CallReport(kind: .tool, index: 0, name: "t", requestSHA256: "other", result: Array("{}".utf8))
    for entry in [other, tool] {
      let failure = try await failure(ScriptedModel(), try start([entry]))
      #expect(failure.code == "divergence")
      #expect(failure.isRetryable)
    }
  }

  @Test func `a failed attempt is gone on with, the failure as a new turn, however often`() async throws {
    var journal: [CallReport] = []
    var previous: PreviousFailure?
    for number in 0..<4 {
      let recorder = MemoryJournal()
      let model = ScriptedModel(Completion.text("plan \(number)"))
      let result = try await attempt(try start(journal, previous: previous), models: model, recorder: recorder)
      #expect(try root(result)["answer"]?.string == "plan \(number)")
      #expect(model.requests.count == 1)
      let texts = try #require(model.requests.first?["messages"]).elements.map { $0["content"]?.string ?? "" }
      #expect(
        texts
          == ["the question"]
          + (0..<number).flatMap { ["plan \($0)", "Your last answer could not be used: no. \($0). Answer again."] })
      journal += recorder.entries + result.calls
      #expect(journal.map(\.index) == Array(0..<journal.count))
      // It does not matter that the words about earlier failures are not in the lease any more.
      previous = PreviousFailure(code: "invalid_plan", message: "no. \(number)", continues: true)
    }
  }

  @Test func `an attempt that was lost after a failed one goes on with the same words`() async throws {
    let first = try await attempt(try start(), models: ScriptedModel(Completion.text("bad")), recorder: MemoryJournal())
    let recorder = MemoryJournal()
    let stopped = ScriptedModel([.failure(AgentFailure(code: "stopped", message: "x", isRetryable: true))])
    let previous = PreviousFailure(code: "invalid_plan", message: "wrong", continues: true)
    await #expect(throws: AgentFailure.self) {
      try await attempt(try start(first.calls, previous: previous), models: stopped, recorder: recorder)
    }
    #expect(recorder.entries.count == 1)
    // The lease after a lost attempt names no failure.
    let model = ScriptedModel(Completion.text("good"))
    let last = try await attempt(try start(first.calls + recorder.entries), models: model, recorder: MemoryJournal())
    #expect(try root(last)["answer"]?.string == "good")
    #expect(model.requests.first?["messages"]?[2]?["content"]?.string?.contains("wrong") == true)
    #expect(last.calls.map(\.index) == [2])
  }

  @Test func `an empty answer is gone on with as well`() async throws {
    let empty = try await failure(ScriptedModel(Completion.text("")))
    let model = ScriptedModel(Completion.text("words"))
    let result = try await attempt(
      try start(empty.calls, previous: .init(code: empty.code, message: empty.message, continues: true)), models: model,
      recorder: MemoryJournal())
    #expect(try root(result)["answer"]?.string == "words")
    #expect(try #require(model.requests.first?["messages"]).count == 2)
  }

  @Test func `without continuation an attempt begins anew`() async throws {
    let model = ScriptedModel(Completion.text("fresh"))
    let previous = PreviousFailure(code: "x", message: "y", continues: false)
    _ = try await attempt(try start(previous: previous), models: model, recorder: MemoryJournal())
    #expect(model.requests.first?["messages"]?.count == 1)
  }

  @Test func `a whole outcome that was recorded before its worker died is delivered`() async throws {
    let first = try await attempt(
      try start(), models: ScriptedModel(Completion.text("paid")), recorder: MemoryJournal())
    let again = try await attempt(try start(first.calls), models: ScriptedModel(), recorder: MemoryJournal())
    #expect(again.output == first.output)
    #expect(again.calls.isEmpty)
  }
}
