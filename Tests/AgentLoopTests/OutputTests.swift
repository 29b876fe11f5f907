import Contracts
import JSON
import Testing

@testable import AgentLoop

/// Answers of a prescribed form, and the kinds of work.
@Suite struct OutputTests {
  private func start(_ more: String, _ journal: [CallReport] = []) throws -> AttemptStart {
    AttemptStart(
      input: AgentInput(try JSONDocument(parsing: "{\"prompt\":\"p\",\(more)}").root, model: "m"),
      journal: MemoryJournal.recorded(journal))
  }

  private let schema = #""output_schema":{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}"#

  private func output(_ result: AttemptResult) throws -> JSONView { try JSONDocument(parsing: result.output).root }

  @Test func `the answer is checked, and one that does not fit is repaired once with its faults named`() async throws {
    let recorder = MemoryJournal()
    let model = ScriptedModel(Completion.text(#"{"n":"x"}"#), Completion.text("```json\n{\"n\": 4}\n```"))
    let result = try await attempt(try start(schema), models: model, recorder: recorder)
    #expect(try output(result)["data"]?["n"]?.int == 4)
    #expect(model.requests.first?["response_format"]?["json_schema"]?["schema"]?["required"]?[0]?.string == "n")
    let word = try #require(model.requests.last?["messages"]).elements.reversed().first?["content"]?.string
    #expect(word?.contains("/n") == true && word?.contains("integer") == true)
    #expect(recorder.entries.map(\.kind) == [.model, .note])
    // From the record, and from the part of it that a crash leaves, it comes to the same.
    for kept in 0...2 {
      let later = ScriptedModel(
        (kept < 1 ? [ScriptedModel.Step.answer(Completion.text(#"{"n":"x"}"#))] : [])
          + [.answer(Completion.text("{\"n\": 4}"))])
      let again = try await attempt(
        try start(schema, Array(recorder.entries.prefix(kept))), models: later, recorder: MemoryJournal())
      #expect(later.bodies.last == model.bodies.last)
      #expect(try output(again)["data"]?["n"]?.int == 4)
    }
  }

  @Test func `after the repair it fails`() async throws {
    let model = ScriptedModel(Completion.text("no"), Completion.text("still no"), Completion.text("{\"n\":1}"))
    let failure = await #expect(throws: AgentFailure.self) {
      try await attempt(try start(schema), models: model, recorder: MemoryJournal())
    }
    #expect(failure?.code == "output_invalid")
    #expect(model.requests.count == 2)
  }

  @Test func `a provider that takes no schema is asked without, and the answer is checked all the same`() async throws {
    let refusal = AgentFailure(
      code: "capability_missing", message: "No model behind 'm' can do what the request needs: json_schema.",
      isRetryable: false)
    let model = ScriptedModel([.failure(refusal), .answer(Completion.text("{\"n\":1}"))])
    let result = try await attempt(try start(schema), models: model, recorder: MemoryJournal())
    #expect(model.requests.map { $0["response_format"] != nil } == [true, false])
    #expect(try output(result)["data"]?["n"]?.int == 1)
    let again = try await attempt(
      try start(schema, result.calls), models: ScriptedModel(), recorder: MemoryJournal())
    #expect(again.output == result.output)
  }

  @Test func `a review gives a verdict with its reasons`() async throws {
    let model = ScriptedModel(Completion.text(#"{"verdict":"reject","reasons":["too short"]}"#))
    let result = try output(try await attempt(try start(#""job":"review""#), models: model, recorder: MemoryJournal()))
    #expect(result["verdict"]?.string == "reject")
    #expect(result["reasons"]?[0]?.string == "too short")
    #expect(model.requests.first?["messages"]?[0]?["role"]?.string == "system")
  }

  @Test func `a plan that the orchestrator could not expand is repaired`() async throws {
    let model = ScriptedModel(
      Completion.text(#"{"steps":[{"key":"Bad Key","prompt":"x"}]}"#),
      Completion.text(#"{"steps":[{"key":"good","prompt":"x"}]}"#))
    let result = try output(try await attempt(try start(#""job":"plan""#), models: model, recorder: MemoryJournal()))
    #expect(result["data"]?["steps"]?[0]?["key"]?.string == "good")
    #expect(result["answer"]?.string?.contains("good") == true)
  }
}
