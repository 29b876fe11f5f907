import Contracts
import JSON
import Synchronization

@testable import AgentLoop

/// Tools whose decisions and results a test prepares, and that remember what was done.
final class FakeTools: StepTools {
  private struct State {
    var runs: [StepToolCall] = []
    var kept: [String: String] = [:]
    var offers = 0
  }

  static func tool(
    _ name: String, _ order: OfferedTool.Order = .reading, isInstant: Bool = false
  ) -> OfferedTool {
    OfferedTool(
      name: name, description: "Does \(name).", parameters: Array(#"{"type":"object"}"#.utf8), order: order,
      risk: "read", isInstant: isInstant)
  }

  private let tools: [OfferedTool]
  private let state = Mutex(State())
  private let decision: @Sendable (StepToolCall) -> StepToolDecision
  private let result: @Sendable (StepToolCall) async throws -> StepToolOutcome

  init(
    _ tools: [OfferedTool] = [FakeTools.tool("calculate", isInstant: true)],
    decision: @escaping @Sendable (StepToolCall) -> StepToolDecision = { _ in StepToolDecision(.run) },
    result: @escaping @Sendable (StepToolCall) async throws -> StepToolOutcome = FakeTools.calculate
  ) {
    self.tools = tools
    self.decision = decision
    self.result = result
  }

  var runs: [StepToolCall] { state.withLock { $0.runs } }
  var kept: [String: String] { state.withLock { $0.kept } }
  var offers: Int { state.withLock { $0.offers } }

  func offer() async throws -> [OfferedTool] {
    state.withLock { $0.offers += 1 }
    return tools
  }

  func decide(_ calls: [StepToolCall], after earlier: [EndedToolCall]) async throws -> [StepToolDecision] {
    calls.map(decision)
  }

  func run(_ call: StepToolCall) async throws -> StepToolOutcome {
    state.withLock { $0.runs.append(call) }
    return try await result(call)
  }

  func keep(_ text: String, as name: String, of call: StepToolCall) async throws -> ArtefactReference? {
    state.withLock { $0.kept[name] = text }
    return ArtefactReference(name: name, sha256: "", bytes: Int64(text.utf8.count), mediaType: "text/plain")
  }

  /// Products and sums of two numbers.
  static let calculate: @Sendable (StepToolCall) async throws -> StepToolOutcome = { call in
    let expression = (try? JSONDocument(parsing: call.arguments))?.root["expression"]?.string ?? ""
    for (sign, apply) in [("+", { $0 + $1 }), ("*", { $0 * $1 })] as [(Character, (Int, Int) -> Int)] {
      let parts = expression.split(separator: sign).compactMap { Int($0) }
      if parts.count == 2 { return .report(ToolReport(text: "\(apply(parts[0], parts[1]))")) }
    }
    return .report(.error("arguments_invalid", "not an arithmetic expression"))
  }
}

/// An attempt that has to end with an output.
func attempt(
  _ start: AttemptStart, models: any ModelCalling, recorder: any CallRecording, tools: any StepTools = FakeTools(),
  caps: AgentLimits = AgentLimits()
) async throws -> AttemptResult {
  switch try await ending(start, models: models, recorder: recorder, tools: tools, caps: caps) {
  case .delivered(let result): return result
  case .waiting(let wait): throw UnexpectedWait(asks: wait.asks)
  }
}

/// An attempt, however it ends.
func ending(
  _ start: AttemptStart, models: any ModelCalling, recorder: any CallRecording, tools: any StepTools = FakeTools(),
  caps: AgentLimits = AgentLimits()
) async throws -> AttemptEnd {
  try await AgentLoop(start, models: models, tools: tools, recorder: recorder, caps: caps, now: { 0 }).run()
}

struct UnexpectedWait: Error {
  let asks: [StepAsk]
}
