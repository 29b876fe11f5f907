import Contracts
import JSON
import Primitives
import Testing

@testable import AgentLoop

/// Approvals, questions, and calls of which nobody knows whether they were made.
@Suite struct WaitTests {
  private static let send = FakeTools.tool("send", .alone)
  private static let read = FakeTools.tool("read")

  private static func call(_ names: String...) -> String {
    Completion.calls(names.enumerated().map { ($1, "{\"n\":\($0)}") })
  }

  private func start(_ journal: [CallReport] = [], _ answers: [StepAnswer] = []) throws -> AttemptStart {
    AttemptStart(
      input: AgentInput(try JSONDocument(parsing: #"{"prompt":"p","tools":["*"]}"#).root, model: "m"),
      journal: MemoryJournal.recorded(journal), answers: answers)
  }

  private func answer(_ ask: StepAsk, _ text: String) -> StepAnswer {
    StepAnswer(
      key: ask.key, kind: ask.kind, answer: Array(text.utf8), subjectSHA256: "", by: "ann",
      at: Timestamp(unixMicroseconds: 0))
  }

  private func wait(_ end: AttemptEnd) throws -> AttemptWait {
    guard case .waiting(let wait) = end else { throw StackTrace("it did not wait") }
    return wait
  }

  private struct StackTrace: Error {
    let text: String
    init(_ text: String) { self.text = text }
  }

  private func tools(
    _ result: @escaping @Sendable (StepToolCall) async throws -> StepToolOutcome = { call in
      .report(ToolReport(text: "\(call.name) done"))
    }
  ) -> FakeTools {
    FakeTools(
      [WaitTests.send, WaitTests.read],
      decision: { call in
        call.name == "send"
          ? StepToolDecision(
            .approve(subject: Array(call.arguments.utf8), expiresMilliseconds: 1000), rule: "r", reason: "why")
          : StepToolDecision(.run)
      }, result: result)
  }

  private func last(_ model: ScriptedModel) throws -> [String] {
    try #require(model.requests.last?["messages"]).elements.filter { $0["role"]?.string == "tool" }
      .compactMap { $0["content"]?.string }
  }

  @Test func `a call that needs an approval waits, and what needs none is done first`() async throws {
    let recorder = MemoryJournal()
    let tools = tools()
    let end = try await ending(
      try start(), models: ScriptedModel(WaitTests.call("send", "read")), recorder: recorder, tools: tools)
    let wait = try wait(end)
    #expect(tools.runs.map(\.name) == ["read"])
    #expect(wait.asks.map(\.kind) == [.approval])
    #expect(wait.asks.map(\.tool) == ["send"])
    #expect(wait.asks.first?.expiresMilliseconds == 1000)
    #expect(wait.asks.allSatisfy { StepAsk.isKey($0.key) })
    let journal = recorder.entries + wait.calls
    #expect(journal.map(\.index) == Array(0..<journal.count))

    // Without an answer the next attempt waits for the same.
    let again = try self.wait(
      try await ending(try start(journal), models: ScriptedModel(), recorder: MemoryJournal(), tools: tools))
    #expect(again.asks == wait.asks)
    #expect(again.calls.isEmpty)

    // With one it goes on, and nothing is done twice.
    let ask = try #require(wait.asks.first)
    for (text, expected, sends) in [
      (#"{"approved":true}"#, "send done", 1),
      (#"{"approved":false,"comment":"not today"}"#, "error: a person has rejected the call: not today", 0),
      (#"{"expired":true}"#, "error: nobody has approved the call in time", 0), ("7", "error: a person", 0),
    ] as [(String, String, Int)] {
      let later = self.tools()
      let model = ScriptedModel(Completion.text("ok"))
      let rest = MemoryJournal()
      let result = try await attempt(
        try start(journal, [answer(ask, text)]), models: model, recorder: rest, tools: later)
      #expect(try last(model).first?.hasPrefix(expected) == true)
      #expect(try last(model).last == "read done")
      #expect(later.runs.map(\.name) == Array(repeating: "send", count: sends))
      #expect(
        (rest.entries + result.calls).map(\.index) == Array(journal.count..<(journal.count + rest.entries.count + 1)))
      #expect(rest.entries.map(\.kind) == (sends == 1 ? [.intent, .tool] : [.tool]))
    }
  }

  private func start(
    questions: String, _ journal: [CallReport] = [], _ answers: [StepAnswer] = []
  ) throws -> AttemptStart {
    let input = "{\"prompt\":\"p\",\"tools\":[\"*\"],\"questions\":\(questions)}"
    return AttemptStart(
      input: AgentInput(try JSONDocument(parsing: input).root, model: "m"), journal: MemoryJournal.recorded(journal),
      answers: answers)
  }

  /// Asks for an answer, for an approval, and what became of a call.
  private func asked(_ kind: StepAsk.Kind) -> FakeTools {
    switch kind {
    case .approval: tools()
    case .question:
      FakeTools(
        [WaitTests.read],
        decision: { _ in StepToolDecision(.question(subject: Array("1".utf8), expiresMilliseconds: nil)) })
    case .unknownOutcome: FakeTools([WaitTests.send])
    }
  }

  @Test(arguments: [
    (StepAsk.Kind.approval, "send", "approval_expired", Int64(1000)), (.question, "read", "question_expired", 5),
    (.unknownOutcome, "send", "outcome_unknown", 5),
  ])
  func `a step says how long its questions wait, and whether it fails or goes on without an answer`(
    kind: StepAsk.Kind, tool: String, code: String, expires: Int64
  ) async throws {
    let recorder = MemoryJournal()
    let tools = asked(kind)
    var journal: [CallReport]
    let limit = #"{"expires_ms":5}"#
    if kind == .unknownOutcome {
      _ = try await ending(
        try start(questions: limit), models: ScriptedModel(WaitTests.call(tool), Completion.text("ok")),
        recorder: recorder, tools: tools)
      journal = recorder.entries
      // Its worker died over the call.
      while let last = journal.last, last.kind != .intent { journal.removeLast() }
    } else {
      let end = try await ending(
        try start(questions: limit), models: ScriptedModel(WaitTests.call(tool)), recorder: recorder, tools: tools)
      journal = recorder.entries + (try wait(end)).calls
    }
    let wait = try self.wait(
      try await ending(
        try start(questions: limit, journal), models: ScriptedModel(), recorder: MemoryJournal(), tools: tools))
    let ask = try #require(wait.asks.first)
    // What the tool says itself goes before.
    #expect(ask.kind == kind && ask.expiresMilliseconds == expires)
    let answers = [answer(ask, #"{"expired":true}"#)]
    let model = ScriptedModel(Completion.text("went on"))
    _ = try await attempt(
      try start(questions: limit, journal + wait.calls, answers), models: model, recorder: MemoryJournal(),
      tools: tools)
    #expect(try last(model).first?.hasPrefix("error: ") == true)
    do {
      _ = try await ending(
        try start(questions: #"{"expires_ms":5,"on_expiry":"fail"}"#, journal + wait.calls, answers),
        models: ScriptedModel(Completion.text("went on")), recorder: MemoryJournal(), tools: tools)
      Issue.record("it went on")
    } catch let failure as AgentFailure {
      #expect(failure.code == code && !failure.isRetryable)
    }
    // Any other answer is none of that.
    let other = ScriptedModel(Completion.text("ok"))
    _ = try await attempt(
      try start(
        questions: #"{"on_expiry":"fail"}"#, journal + wait.calls, [answer(ask, #"{"approved":false}"#)]),
      models: other, recorder: MemoryJournal(), tools: tools)
    #expect(try !last(other).isEmpty)
  }

  @Test func `a step says how long the questions of one tool wait, and what happens then`() async throws {
    let recorder = MemoryJournal()
    let rules = #"{"expires_ms":5,"tools":{"tool:send":{"expires_ms":7,"on_expiry":"fail"}}}"#
    let tools = asked(.approval)
    let wait = try self.wait(
      try await ending(
        try start(questions: rules), models: ScriptedModel(WaitTests.call("send")), recorder: recorder, tools: tools))
    let ask = try #require(wait.asks.first)
    // The step's word goes before the one of the tool itself.
    #expect(ask.tool == "send" && ask.expiresMilliseconds == 7)
    let answers = [answer(ask, #"{"expired":true}"#)]
    do {
      _ = try await ending(
        try start(questions: rules, recorder.entries + wait.calls, answers),
        models: ScriptedModel(Completion.text("went on")), recorder: MemoryJournal(), tools: tools)
      Issue.record("it went on")
    } catch let failure as AgentFailure { #expect(failure.code == "approval_expired") }
    let model = ScriptedModel(Completion.text("went on"))
    let lenient = #"{"on_expiry":"fail","tools":{"send":{"on_expiry":"continue"}}}"#
    _ = try await attempt(
      try start(questions: lenient, recorder.entries + wait.calls, answers), models: model, recorder: MemoryJournal(),
      tools: tools)
    #expect(try last(model).first?.hasPrefix("error: ") == true)
    let read = try self.wait(
      try await ending(
        try start(questions: #"{"expires_ms":5,"tools":{"read":{"expires_ms":0}}}"#),
        models: ScriptedModel(WaitTests.call("read")), recorder: MemoryJournal(), tools: asked(.question)))
    #expect(read.asks.first?.expiresMilliseconds == 0)
  }

  @Test func `rules for the questions of a tool that the step does not have are a fault`() async throws {
    do {
      _ = try await ending(
        try start(questions: #"{"tools":{"sned":{"expires_ms":1}}}"#), models: ScriptedModel(),
        recorder: MemoryJournal(), tools: asked(.approval))
      Issue.record("it went on")
    } catch let failure as AgentFailure {
      #expect(failure.code == "input_invalid" && failure.message.contains("questions.tools has \"sned\""))
    }
  }

  @Test(arguments: [
    #"{"tools":[]}"#, #"{"tools":{"send":5}}"#, #"{"tools":{"send":{"expires":5}}}"#,
    #"{"tools":{"send":{"expires_ms":-5}}}"#, #"{"tools":{"send":{"on_expiry":true}}}"#,
    #"{"tools":{"send":{},"tool:send":{}}}"#,
    #"{"expires_ms":-1}"#, #"{"expires_ms":"x"}"#, #"{"on_expiry":"wait"}"#, #"{"expires":1}"#, "7",
  ])
  func `nonsense about questions is a fault`(questions: String) throws {
    #expect(try start(questions: questions).input.fault?.contains("questions") == true)
    #expect(try start(questions: #"{"expires_ms":0,"on_expiry":"continue"}"#).input.fault == nil)
  }

  @Test func `an answer is the result of a question`() async throws {
    let tools = FakeTools(
      [WaitTests.read],
      decision: { call in
        StepToolDecision(.question(subject: Array(call.arguments.utf8), expiresMilliseconds: nil))
      })
    let recorder = MemoryJournal()
    let wait = try wait(
      try await ending(
        try start(), models: ScriptedModel(WaitTests.call("read", "read")), recorder: recorder, tools: tools))
    #expect(wait.asks.map(\.kind) == [.question, .question])
    #expect(Set(wait.asks.map(\.key)).count == 2)
    let journal = recorder.entries + wait.calls
    let model = ScriptedModel(Completion.text("ok"))
    _ = try await attempt(
      try start(journal, [answer(wait.asks[0], #"{"text":"blue"}"#), answer(wait.asks[1], "[1]")]), models: model,
      recorder: MemoryJournal(), tools: tools)
    #expect(try last(model) == ["blue", "[1]"])
    #expect(tools.runs.isEmpty)
  }

  @Test func `a tool that asks in the middle of a call is called again with the answer`() async throws {
    let result: @Sendable (StepToolCall) async throws -> StepToolOutcome = { call in
      guard let answer = call.answers.last else {
        return .question(subject: Array(#"{"q":"which?"}"#.utf8), expiresMilliseconds: nil)
      }
      return .report(ToolReport(text: String(decoding: answer.answer, as: UTF8.self)))
    }
    let tools = FakeTools([WaitTests.send], result: result)
    let recorder = MemoryJournal()
    let wait = try wait(
      try await ending(try start(), models: ScriptedModel(WaitTests.call("send")), recorder: recorder, tools: tools))
    let model = ScriptedModel(Completion.text("ok"))
    _ = try await attempt(
      try start(recorder.entries + wait.calls, [answer(wait.asks[0], #"{"a":1}"#)]), models: model,
      recorder: MemoryJournal(), tools: tools)
    #expect(try last(model) == [#"{"a":1}"#])
    #expect(tools.runs.count == 2)
    #expect(Set(tools.runs.map(\.key)).count == 1)
  }

  @Test func `an intent without a result is a question to a person, and is never repeated without an answer`()
    async throws
  {
    let recorder = MemoryJournal()
    let dying = FakeTools([WaitTests.send], result: { _ in throw CancellationError() })
    await #expect(throws: CancellationError.self) {
      try await attempt(
        try start(), models: ScriptedModel(WaitTests.call("send")), recorder: recorder, tools: dying)
    }
    #expect(recorder.entries.last?.kind == .intent)
    var journal = recorder.entries
    let quiet = FakeTools([WaitTests.send], result: { _ in .report(ToolReport(text: "sent")) })
    let wait = try wait(
      try await ending(try start(journal), models: ScriptedModel(), recorder: MemoryJournal(), tools: quiet))
    #expect(quiet.runs.isEmpty)
    #expect(wait.asks.map(\.kind) == [.unknownOutcome])
    journal += wait.calls
    let ask = try #require(wait.asks.first)
    for (text, expected, runs) in [
      (#"{"outcome":"done","result":"42"}"#, "42", 0), (#"{"outcome":"failed","message":"no"}"#, "error: no", 0),
      (#"{"outcome":"not_done"}"#, "sent", 1), (#"{"expired":true}"#, "error: the call may have been made", 0),
    ] as [(String, String, Int)] {
      let model = ScriptedModel(Completion.text("ok"))
      let tools = FakeTools([WaitTests.send], result: { _ in .report(ToolReport(text: "sent")) })
      _ = try await attempt(
        try start(journal, [answer(ask, text)]), models: model, recorder: MemoryJournal(), tools: tools)
      #expect(try last(model).first?.hasPrefix(expected) == true)
      #expect(tools.runs.count == runs)
    }
    // It dies again: another question, because the answer was about the first time.
    let second = MemoryJournal()
    await #expect(throws: CancellationError.self) {
      try await attempt(
        try start(journal, [answer(ask, #"{"outcome":"not_done"}"#)]), models: ScriptedModel(), recorder: second,
        tools: dying)
    }
    let later = try self.wait(
      try await ending(
        try start(journal + second.entries, [answer(ask, #"{"outcome":"not_done"}"#)]), models: ScriptedModel(),
        recorder: MemoryJournal(), tools: quiet))
    #expect(later.asks.first?.key != ask.key)
    #expect(quiet.runs.isEmpty)
  }

  @Test func `what nobody has decided is not made`() async throws {
    struct Silent: StepTools {
      func offer() async throws -> [OfferedTool] { [FakeTools.tool("read")] }
      func decide(_ calls: [StepToolCall], after earlier: [EndedToolCall]) async throws -> [StepToolDecision] { [] }
      func run(_ call: StepToolCall) async throws -> StepToolOutcome { .report(ToolReport(text: "made")) }
      func keep(_ text: String, as name: String, of call: StepToolCall) async throws -> ArtefactReference? { nil }
    }
    let model = ScriptedModel(WaitTests.call("read"), Completion.text("ok"))
    _ = try await attempt(try start(), models: model, recorder: MemoryJournal(), tools: Silent())
    #expect(try last(model).first?.hasPrefix("error: the call was not allowed") == true)
  }
}
