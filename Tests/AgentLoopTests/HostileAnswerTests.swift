import Contracts
import JSON
import Testing

@testable import AgentLoop

/// Whatever a provider answers, the loop ends with a result or a failure, and everything that it records is storable.
@Suite struct HostileAnswerTests {
  /// The same numbers in every run.
  private struct Seeded: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var bits = state
      bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
      bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
      return bits ^ (bits >> 31)
    }
  }

  private static let names = [
    "choices", "message", "content", "tool_calls", "function", "name", "arguments", "id", "finish_reason", "refusal",
    "reasoning_content", "function_call", "type", "text", "model", "extra_content", "custom", "input",
  ]
  private static let scalars = [
    "null", "true", "0", "-1", "9223372036854775807", "1e308", "-0.0", "\"\"", "\"text\"", "\"\\u0000\"",
    "\"calculate\"", "\"length\"", "\"tool_calls\"", "\"{}\"", "\"{\\\"expression\\\":\\\"1/0\\\"}\"",
    "\"\\ud83d\\ude00\"", "\"refusal\"", "\"stop\"", "\" \"",
  ]

  private func value(_ random: inout Seeded, _ depth: Int) -> String {
    switch depth > 6 ? 0 : Int.random(in: 0..<5, using: &random) {
    case 1, 2:
      let members = HostileAnswerTests.names.shuffled(using: &random).prefix(Int.random(in: 0..<6, using: &random))
      return "{" + members.map { "\"\($0)\":\(value(&random, depth + 1))" }.joined(separator: ",") + "}"
    case 3:
      let count = Int.random(in: 0..<4, using: &random)
      return "[" + (0..<count).map { _ in value(&random, depth + 1) }.joined(separator: ",") + "]"
    default: return HostileAnswerTests.scalars.randomElement(using: &random) ?? "null"
    }
  }

  /// A completion of the right shape with random values in it.
  private func completion(_ random: inout Seeded) -> String {
    if Int.random(in: 0..<4, using: &random) == 0 { return value(&random, 0) }
    func some(_ names: [String]) -> String {
      names.filter { _ in Bool.random(using: &random) }.map { "\"\($0)\":\(value(&random, 3))" }.joined(separator: ",")
    }
    let calls = (0..<Int.random(in: 0..<4, using: &random)).map { _ in
      "{\"function\":{\(some(["name", "arguments"]))}\(Bool.random(using: &random) ? ",\"id\":\(value(&random, 5))" : "")}"
    }
    let message = some(["content", "refusal", "reasoning_content"])
    return """
      {"choices":[{"message":{\(message)\(message.isEmpty ? "" : ",")"tool_calls":[\(calls.joined(separator: ","))]},\
      "finish_reason":\(value(&random, 6))}]}
      """
  }

  @Test func `random answers end in results or failures, and replay to the same`() async throws {
    for seed in 0..<1500 as Range<UInt64> {
      var random = Seeded(state: seed)
      let answers = (0..<4).map { _ in completion(&random) }
      let input = AgentInput(try JSONDocument(parsing: value(&random, 2)).root, model: nil)
      let (first, entries) = try await outcome(answers, input, [])
      for entry in entries {
        #expect((1...200).contains(entry.name.utf8.count) && !entry.name.utf8.contains(0))
        #expect(throws: Never.self) { try JSONDocument(parsing: entry.result) }
      }
      #expect(entries.map(\.index) == Array(0..<entries.count))
      // A later attempt finds the same from the record, without asking anybody.
      let (again, more) = try await outcome([], input, entries)
      if !first.hasPrefix("script_over") { #expect(first == again && more.isEmpty, "seed \(seed)") }
    }
  }

  private func outcome(
    _ answers: [String], _ input: AgentInput, _ journal: [CallReport]
  ) async throws -> (String, [CallReport]) {
    let recorder = MemoryJournal()
    let start = AttemptStart(input: input, journal: MemoryJournal.recorded(journal))
    do {
      let result = try await attempt(start, models: ScriptedModel(answers.map { .answer($0) }), recorder: recorder)
      #expect(throws: Never.self) { try JSONDocument(parsing: result.output) }
      return (String(decoding: result.output, as: UTF8.self), recorder.entries + result.calls)
    } catch let failure as AgentFailure {
      #expect(failure.message.utf8.count <= 4000 && failure.code.utf8.count <= 100)
      #expect(!failure.message.utf8.contains(0) && !failure.message.isEmpty)
      return ("\(failure.code): \(failure.message)", recorder.entries + failure.calls)
    }
  }
}
