import Contracts
import JSON
import Testing

@testable import AgentLoop

/// When an agent has to stop, and what is left of its work.
@Suite struct LimitTests {
  private func start(_ more: String = "") throws -> AttemptStart {
    let text = "{\"prompt\":\"the question\"\(more.isEmpty ? "" : ",\(more)")}"
    return AttemptStart(input: AgentInput(try JSONDocument(parsing: text).root, model: "m"))
  }

  /// A model that asks for something new each time.
  private func restless(_ count: Int, last: String = Completion.text("what I have")) -> ScriptedModel {
    ScriptedModel((0..<count).map { .answer(Completion.calculate("\($0)+1")) } + [.answer(last)])
  }

  private func output(_ model: ScriptedModel, _ start: AttemptStart, caps: AgentLimits = AgentLimits()) async throws
    -> JSONView
  {
    let result = try await attempt(start, models: model, recorder: MemoryJournal(), caps: caps)
    return try JSONDocument(parsing: result.output).root
  }

  private func code(_ model: ScriptedModel, _ start: AttemptStart, caps: AgentLimits = AgentLimits()) async throws
    -> String
  {
    do {
      _ = try await attempt(start, models: model, recorder: MemoryJournal(), caps: caps)
      return "delivered"
    } catch let failure as AgentFailure { return failure.code }
  }

  @Test func `at the limit of turns the model answers once more, without tools`() async throws {
    let model = restless(5)
    let result = try await output(model, try start(#""limits":{"turns_max":5}"#))
    #expect(result["answer"]?.string == "what I have")
    #expect(result["stopped_by"]?.string == "turn_limit")
    #expect(model.requests.count == 6)
    #expect(model.requests.map { $0["tool_choice"]?.string } == [nil, nil, nil, nil, nil, "none"])
    let word = model.requests.last?["messages"]?.elements.reversed().first?["content"]?.string
    #expect(word?.contains("final answer") == true)
  }

  @Test func `a model that calls tools all the same fails with the name of the limit`() async throws {
    #expect(
      try await code(restless(6, last: Completion.calculate("9+9")), try start(#""limits":{"turns_max":5}"#))
        == "turn_limit")
    #expect(
      try await code(restless(3, last: Completion.text("")), try start(#""limits":{"turns_max":3}"#))
        == "empty_answer")
  }

  @Test func `settings are caps of what a step asks for`() async throws {
    let result = try await output(
      restless(2), try start(#""limits":{"turns_max":100}"#), caps: AgentLimits(turnsMax: 2))
    #expect(result["stopped_by"]?.string == "turn_limit")
  }

  @Test func `calls beyond the limit of tool calls are answered and not made`() async throws {
    let tools = FakeTools()
    let model = ScriptedModel(Completion.calculate("1+1", "1+2", "1+3"), Completion.text("two of three"))
    let result = try await attempt(
      try start(#""limits":{"tool_calls_max":2}"#), models: model, recorder: MemoryJournal(), tools: tools)
    #expect(tools.runs.count == 2)
    #expect(try JSONDocument(parsing: result.output).root["stopped_by"]?.string == "tool_call_limit")
    let texts = try #require(model.requests.last?["messages"]).elements.compactMap { $0["content"]?.string }
    #expect(texts.contains { $0.hasPrefix("error: the limit of tool calls") })
  }

  @Test func `cost and time end the work as well`() async throws {
    // Each answer of the scripted model costs nothing known; the price stands in a record of another attempt.
    var rules = LimitTracker(AgentLimits(costMicroUSDMax: 100, timeMillisecondsMax: 1000))
    #expect(rules.reason(attemptMilliseconds: 999) == nil)
    #expect(rules.reason(attemptMilliseconds: 1000) == .time)
    rules.worked(900)
    #expect(rules.reason(attemptMilliseconds: 100) == .time)
    rules.spent(99)
    #expect(rules.reason(attemptMilliseconds: 0) == nil)
    rules.spent(.max)
    #expect(rules.reason(attemptMilliseconds: 0) == .cost)
    #expect(LimitTracker(AgentLimits(timeMillisecondsMax: .max)).reason(attemptMilliseconds: .max) == .time)
  }

  @Test func `the same calls with the same results again and again end the work`() async throws {
    let model = ScriptedModel(
      [ScriptedModel.Step](repeating: .answer(Completion.calculate("1+1")), count: 3)
        + [.answer(Completion.text("it is 2"))])
    let result = try await output(model, try start())
    #expect(result["stopped_by"]?.string == "repetition")
    #expect(model.requests.count == 4)
  }

  @Test func `turns that bring nothing new end the work`() async throws {
    let turns = (0..<20).map { ScriptedModel.Step.answer(Completion.calculate($0.isMultiple(of: 2) ? "1+1" : "2+2")) }
    let model = ScriptedModel(Array(turns.prefix(8)) + [.answer(Completion.text("2 and 4"))])
    #expect(try await output(model, try start())["stopped_by"]?.string == "no_progress")
    var rules = LimitTracker(AgentLimits())
    for number in 0..<LimitTracker.failedTurnsMax {
      #expect(rules.reason(attemptMilliseconds: 0) == nil)
      rules.turnEnded([.init(name: "t", arguments: "\(number)", text: "error: \(number)", isError: true)])
    }
    #expect(rules.reason(attemptMilliseconds: 0) == .noProgress)
  }

  @Test func `an input that says nonsense is refused with the places of its faults`() async throws {
    let start = try start(
      #""limits":{"turns_max":0,"cost_microusd_max":"x"},"job":"dance","tools":7,"output_schema":{"type":"nothing"}"#)
    let fault = try #require(start.input.fault)
    for word in ["turns_max", "cost_microusd_max", "job", "tools", "output_schema"] { #expect(fault.contains(word)) }
    #expect(try await code(ScriptedModel(), start) == "input_invalid")
  }

  @Test func `a stop stands in the journal, so that a later attempt stops at the same place`() async throws {
    let recorder = MemoryJournal()
    let model = ScriptedModel(
      (0..<2).map { .answer(Completion.calculate("\($0)+1")) }
        + [.failure(AgentFailure(code: "provider_down", message: "x", isRetryable: true))])
    await #expect(throws: AgentFailure.self) {
      try await attempt(
        try start(#""limits":{"turns_max":2}"#), models: model, recorder: recorder)
    }
    let failure = try #require(recorder.entries.last)
    #expect(failure.kind == .tool)
    let stop = CallReport(
      kind: .note, index: recorder.entries.count, name: "stop", requestSHA256: "",
      result: Array(#"{"reason":"time_limit"}"#.utf8))
    let later = ScriptedModel(Completion.text("late"))
    let resumed = AttemptStart(
      input: try start(#""limits":{"turns_max":50}"#).input,
      journal: MemoryJournal.recorded(recorder.entries + [stop]))
    #expect(try await output(later, resumed)["stopped_by"]?.string == "time_limit")
  }
}
