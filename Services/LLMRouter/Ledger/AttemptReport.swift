internal import Pricing
internal import Routing

/// What came of one attempt at a provider. Each attempt that was begun is reported once, so the ledger can settle
/// attempt by attempt: what was only refused costs nothing, what may have been generated is charged by what is known.
struct AttemptReport: Sendable {
  /// How far an attempt came.
  enum Progress: String, Sendable {
    /// No byte of the request reached the provider: no connection, no time left.
    case unsent
    /// The provider refused the request with an error status before it generated anything.
    case refused
    /// The request was taken, and what came of it is not known in full: a time-out, a broken connection, an error after
    /// a success status, an unreadable answer, a caller that left.
    case begun
    /// The provider's answer has come to its end.
    case complete
  }

  let target: ModelTarget
  let kind: ProviderKind
  let progress: Progress
  /// `ok`, or the stable code of what went wrong, for the ledger and metrics.
  let outcome: String
  /// What the provider counted, as far as it said so; of a broken stream that may be too little.
  var usage: TokenUsage?
  /// Bytes of text, thoughts and tool arguments that the provider delivered.
  var deliveredBytes: Int64 = 0
  /// The estimate of the prompt's tokens.
  let promptTokens: Int64
  /// The bound of the answer that was sent along, if any.
  var outputTokensMax: Int64?
  var isStream = false
  /// Monotonic nanoseconds.
  let sentAt: UInt64
  let endedAt: UInt64

  /// What stands for the usage where the provider does not tell it: what was asked, and what came.
  var estimate: TokenUsage {
    switch progress {
    case .unsent, .refused: TokenUsage()
    case .begun, .complete: TokenUsage(input: promptTokens, output: (max(0, deliveredBytes) &+ 2) / 3)
    }
  }
}

extension CallRecord {
  /// Settles an attempt that does not become the answer of the call. Attempts that were not sent or only refused cost
  /// nothing and have no row.
  func settle(_ report: AttemptReport) {
    switch report.progress {
    case .unsent, .refused: return
    case .begun, .complete: paid(report.target, report.usage, report.estimate, report.outcome)
    }
  }
}
