import Contracts
import Crypto
import JSON
import Primitives
import Testing

@testable import AgentLoop

/// Random agents whose workers die at random places: models and tools are functions of what they are asked, so the same
/// step must always come to the same end.
@Suite struct ReplayPropertyTests {
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

  /// What became of a step.
  private struct Story {
    var end = ""
    var journal: [CallReport] = []
    /// The requests that were answered, by the index of their entry.
    var requests: [Int: [UInt8]] = [:]
    /// How often each call that cannot be made twice was made.
    var effects: [String: Int] = [:]
    var attempts = 0
  }

  private static let tools =
    ["read_a", "read_b"].map { FakeTools.tool($0) } + ["write_a", "write_b"].map { FakeTools.tool($0, .repeatable) }
    + ["send", "pay"].map { FakeTools.tool($0, .alone) } + [FakeTools.tool("calculate", isInstant: true)]
  private static let names =
    tools.map(\.name) + ["update_beliefs", "unknown_tool", "approved", "asked", "asking"]
  private static let offered =
    tools + [FakeTools.tool("approved", .alone), FakeTools.tool("asked"), FakeTools.tool("asking", .alone)]

  private func seed(_ bytes: some Sequence<UInt8>) -> UInt64 {
    Digest.sha256(Array(bytes)).prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
  }

  // MARK: The world

  private func completion(_ request: [UInt8]) throws -> JSONDocument {
    var random = Seeded(state: seed(request))
    let root = try JSONDocument(parsing: request).root
    let mustAnswer = root["tool_choice"] != nil || Int.random(in: 0..<8, using: &random) == 0
    let text =
      mustAnswer
      ? Completion.text("answer \(random.next() % 1000)")
      : Completion.calls(
        (0..<Int.random(in: 1...4, using: &random)).map { _ in
          let name = ReplayPropertyTests.names.randomElement(using: &random) ?? ""
          let broken = Int.random(in: 0..<12, using: &random) == 0
          let fact = "\"facts\":[{\"text\":\"fact \(random.next() % 50)\",\"source\":\"read_a\"}]"
          return (name, broken ? "{" : "{\"n\":\(random.next() % 9),\(fact)}")
        })
    let usage = "\"usage\":{\"prompt_tokens\":\(request.count / 3),\"completion_tokens\":9},"
    return try JSONDocument(parsing: "{\(usage)\(text.dropFirst())")
  }

  private func result(_ call: StepToolCall) -> ToolReport {
    var random = Seeded(state: seed("\(call.name)\(call.arguments)\(call.key)".utf8))
    if Int.random(in: 0..<8, using: &random) == 0 { return .error("failed", "it failed (\(random.next() % 100))") }
    // What a person says about a call is not kept as an artefact, so these are short.
    let isLong = !["send", "pay", "approved"].contains(call.name)
    let words = isLong ? String(repeating: "word ", count: Int.random(in: 0..<900, using: &random)) : ""
    return ToolReport(text: "\(call.name) \(random.next() % 100) \(words)")
  }

  private func decision(_ call: StepToolCall) -> StepToolDecision {
    switch call.name {
    case "approved": StepToolDecision(.approve(subject: Array("{}".utf8), expiresMilliseconds: 5))
    case "asked": StepToolDecision(.question(subject: Array("{}".utf8), expiresMilliseconds: nil))
    case "pay" where call.arguments.contains("3"): StepToolDecision(.deny(nil), rule: "no", reason: "three")
    default: StepToolDecision(.run)
    }
  }

  private func answer(_ ask: StepAsk, _ effects: [String: Int]) -> StepAnswer {
    let key = ask.key.split(separator: ".").prefix(3).joined(separator: ".")
    let text: String
    switch ask.kind {
    case .approval: text = seed(ask.key.utf8).isMultiple(of: 2) ? #"{"approved":true}"# : #"{"approved":false}"#
    case .question: text = #"{"text":"said"}"#
    case .unknownOutcome where effects[key, default: 0] == 0: text = #"{"outcome":"not_done"}"#
    case .unknownOutcome:
      let call = StepToolCall(
        name: ask.tool ?? "",
        arguments: (try? JSONDocument(parsing: ask.subject))?.root["arguments"].map {
          String(decoding: $0.rawBytes, as: UTF8.self)
        } ?? "", key: key)
      let report = result(call)
      var writer = JSONWriter()
      writer.beginObject()
      writer.member("outcome", report.isError ? "failed" : "done")
      // The loop says "error: " itself.
      writer.member(
        report.isError ? "message" : "result", report.isError ? String(report.text.dropFirst(7)) : report.text)
      writer.endObject()
      text = String(decoding: writer.bytes, as: UTF8.self)
    }
    return StepAnswer(
      key: ask.key, kind: ask.kind, answer: Array(text.utf8), subjectSHA256: "", by: "ann",
      at: Timestamp(unixMicroseconds: 0))
  }

  // MARK: The story

  private func input(_ seed: UInt64) throws -> AgentInput {
    let limits = #"{"turns_max":9,"context_tokens_max":\#(seed.isMultiple(of: 2) ? 1500 : 100_000)}"#
    return AgentInput(
      try JSONDocument(parsing: #"{"prompt":"step \#(seed)","tools":["*"],"limits":\#(limits)}"#).root, model: "m")
  }

  /// Plays a step to its end; with `crashes` its worker dies now and then.
  private func play(_ input: AgentInput, crashes: Int, _ random: inout Seeded) throws -> Story {
    var story = Story()
    var answers: [StepAnswer] = []
    while story.end.isEmpty, story.attempts < 500 {
      story.attempts += 1
      var machine = AgentStateMachine(
        AttemptStart(input: input, journal: MemoryJournal.recorded(story.journal), answers: answers),
        caps: AgentLimits(), now: 0)
      var open: [AgentStateMachine.Action] = []
      var made: [Int: [UInt8]] = [:]
      var steps = 0
      attempt: while true {
        for action in machine.poll(now: 0) {
          if case .end(let result) = action {
            finish(result, &story, &answers)
            break attempt
          }
          open.append(action)
        }
        if crashes > 0, Int.random(in: 0..<crashes, using: &random) == 0 {
          die(open, &story, &random)
          break attempt
        }
        steps += 1
        guard steps < 2000, let place = open.indices.randomElement(using: &random) else {
          story.end = "stuck"
          break attempt
        }
        machine.take(try event(open.remove(at: place), machine, &story, &made))
      }
      for (index, request) in made where index < story.journal.count { story.requests[index] = request }
    }
    return story
  }

  private func finish(_ result: Result<AttemptEnd, AgentFailure>, _ story: inout Story, _ answers: inout [StepAnswer]) {
    switch result {
    case .success(.delivered(let delivered)):
      story.journal += delivered.calls
      story.end = String(decoding: delivered.output, as: UTF8.self)
    case .success(.waiting(let wait)):
      story.journal += wait.calls
      let effects = story.effects
      #expect(!wait.asks.isEmpty && wait.asks.count <= WorkerLimits.asksMax)
      answers += wait.asks.map { answer($0, effects) }
    case .failure(let failure):
      story.journal += failure.calls
      story.end = "\(failure.code): \(failure.message)"
    }
  }

  /// What is under way when a worker dies may have happened, or not.
  private func die(_ open: [AgentStateMachine.Action], _ story: inout Story, _ random: inout Seeded) {
    for action in open where Bool.random(using: &random) {
      switch action {
      case .record(let calls): story.journal += calls
      case .runTool(_, let call): note(call, &story)
      default: break
      }
    }
  }

  private func note(_ call: StepToolCall, _ story: inout Story) {
    guard ["send", "pay", "approved"].contains(call.name) else { return }
    story.effects[call.key, default: 0] += 1
  }

  private func event(
    _ action: AgentStateMachine.Action, _ machine: AgentStateMachine, _ story: inout Story, _ made: inout [Int: [UInt8]]
  ) throws -> AgentStateMachine.Event {
    switch action {
    case .offer: return .offered(ReplayPropertyTests.offered)
    case .callModel(let request):
      let document = try completion(request)
      // The tools are noted before the first answer that calls some.
      let isFirst = !machine.hasNotedTools && document.root["choices"]?[0]?["message"]?["tool_calls"] != nil
      made[machine.nextIndex + (isFirst ? 1 : 0)] = request
      return .model(
        ModelReply(document: document, model: "m", usage: Usage(modelCalls: 1), milliseconds: 1))
    case .decide(let calls, _): return .decided(calls.map { decision($0) })
    case .runTool(let place, let call):
      note(call, &story)
      if call.name == "asking", call.answers.isEmpty {
        return .toolEnded(place, .question(subject: Array("{}".utf8), expiresMilliseconds: nil), milliseconds: 1)
      }
      return .toolEnded(
        place, .report(result(StepToolCall(name: call.name, arguments: call.arguments, key: call.key))), milliseconds: 1
      )
    case .keep(let place, _, let name, _):
      return .kept(place, ArtefactReference(name: name, sha256: "", bytes: 1, mediaType: "text/plain"))
    case .record(let calls):
      #expect(calls.map(\.index) == Array(story.journal.count..<(story.journal.count + calls.count)))
      story.journal += calls
      return .recorded
    case .end: return .recorded
    }
  }

  // MARK: The properties

  @Test func `whenever its worker dies and in whatever order its tools end, a step comes to the same end`() throws {
    var ends: Set<String> = []
    for number in 0..<10 as Range<UInt64> {
      let input = try input(number)
      var random = Seeded(state: number)
      let calm = try play(input, crashes: 0, &random)
      #expect(!calm.end.hasPrefix("divergence") && calm.end != "stuck" && !calm.end.isEmpty, "step \(number)")
      ends.insert(calm.end)
      for turn in 0..<4 {
        let story = try play(input, crashes: 8 + turn * 10, &random)
        #expect(story.end == calm.end, "step \(number)")
        #expect(story.effects.values.allSatisfy { $0 == 1 }, "step \(number)")
      }
    }
    #expect(ends.count > 1)
  }

  @Test func `every prefix of a journal gives the same requests, byte for byte`() throws {
    for number in 0..<6 as Range<UInt64> {
      let input = try input(number)
      var random = Seeded(state: number &+ 7)
      let story = try play(input, crashes: 0, &random)
      for kept in 0...story.journal.count {
        let prefix = Array(story.journal.prefix(kept))
        var machine = AgentStateMachine(
          AttemptStart(input: input, journal: MemoryJournal.recorded(prefix)), caps: AgentLimits(), now: 0)
        var actions = machine.poll(now: 0)
        if case .offer? = actions.first {
          machine.take(.offered(ReplayPropertyTests.offered))
          actions = machine.poll(now: 0)
        }
        for action in actions {
          if case .end(.failure(let failure)) = action { #expect(failure.code != "divergence", "step \(number)") }
          guard case .callModel(let request) = action else { continue }
          let next = story.requests.keys.filter { $0 >= kept }.min()
          #expect(story.requests[next ?? -1] == request, "step \(number), \(kept) entries")
        }
      }
    }
  }
}
