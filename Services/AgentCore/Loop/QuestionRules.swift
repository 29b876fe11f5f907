internal import Contracts
internal import JSON

/// What a step says of its questions to people: approvals, questions, and calls of which nobody knows what became.
public struct QuestionRules: Hashable, Sendable {
  /// How long each waits for its answer; 0 is without limit, `nil` what the installation says.
  public var expiresMilliseconds: Int64?
  /// Whether the step fails when nobody answers in time. Otherwise the agent goes on, and knows that nobody has.
  public var failsOnExpiry = false

  /// What holds for a step that says nothing.
  public init() {}

  init(_ view: JSONView?, _ faults: inout [String]) {
    guard let view, !view.isNull else { return }
    guard view.kind == .object else {
      faults.append("questions must be an object.")
      return
    }
    for (key, value) in view.members where !value.isNull {
      switch key.string {
      case "expires_ms":
        expiresMilliseconds = value.whole(in: 0...WorkerLimits.askExpiresMillisecondsMax)
        if expiresMilliseconds == nil {
          faults.append(
            "questions.expires_ms must be a whole number from 0 to \(WorkerLimits.askExpiresMillisecondsMax).")
        }
      case "on_expiry":
        guard let word = value.string, ["continue", "fail"].contains(word) else {
          faults.append("questions.on_expiry must be continue or fail.")
          continue
        }
        failsOnExpiry = word == "fail"
      default:
        let shown = StorableText.make(key.string ?? "", bytesMax: 100, fallback: "?")
        faults.append("questions.\(shown) is not known; there are expires_ms, on_expiry.")
      }
    }
  }

  /// The failure of a step whose question nobody has answered in time; `nil` when it goes on.
  func failure(_ gate: ToolTurn.Gate, of tool: String, _ answer: StepAnswer) -> AgentFailure? {
    guard failsOnExpiry, (try? JSONDocument(parsing: answer.answer))?.root["expired"]?.bool == true else { return nil }
    switch gate.kind {
    case .approval:
      return AgentFailure(
        code: "approval_expired", message: "Nobody has approved a call of \(tool) in time.", isRetryable: false)
    case .answer, .question:
      return AgentFailure(
        code: "question_expired", message: "Nobody has answered the question of \(tool) in time.", isRetryable: false)
    case .outcome:
      return AgentFailure(
        code: "outcome_unknown",
        message: "A call of \(tool) may have been made or not, and nobody has said so in time.", isRetryable: false)
    }
  }
}
