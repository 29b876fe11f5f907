internal import Contracts

/// What a person is asked.
package enum ApprovalKind: String, Sendable, CaseIterable {
  /// Whether a step of a workflow may go on.
  case step
  /// Whether a call may be made.
  case toolCall = "tool_call"
  /// What became of a call that nobody knows the outcome of.
  case unknownOutcome = "unknown_outcome"
  /// Anything else.
  case question

  init(_ kind: StepAsk.Kind) {
    switch kind {
    case .approval: self = .toolCall
    case .question: self = .question
    case .unknownOutcome: self = .unknownOutcome
    }
  }
}
