internal import Dialects
internal import JSON
internal import ModelCatalog
internal import Pricing
internal import Primitives
internal import Routing

/// What came of one attempt at a provider. Each attempt that was begun is reported once, so the ledger can settle
/// attempt by attempt: what was only refused costs nothing, what may have been generated is charged by what is known.
struct AttemptReport: Sendable {
  /// The outcome of an attempt whose caller has left.
  static let clientGone = "client_gone"
  /// The outcome of an attempt that another one was faster than.
  static let hedgeLost = "hedge_lost"

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
  var progress: Progress
  /// `ok`, or the stable code of what went wrong, for the ledger and metrics.
  let outcome: String
  /// What the provider counted, as far as it reported; of a broken stream that may be too little.
  var usage: TokenUsage?
  /// Bytes of text, thoughts and tool arguments that the provider delivered.
  var deliveredBytes: Int64 = 0
  /// The estimate of the prompt's tokens.
  let promptTokens: Int64
  /// The bound of the answer that was sent along, if any.
  var outputTokensMax: Int64?
  var isStream = false
  /// Whether nothing more was generated than what came: the answer, or an error in its place, came to its end.
  var isEndKnown = false
  /// Monotonic nanoseconds.
  let sentAt: UInt64
  let endedAt: UInt64

  /// What stands for the usage where the provider does not report it: the prompt, and what came. Where nothing came
  /// because the router did not wait or could not read it, what was possible in that time, up to the bound of the
  /// answer. A caller that leaves pays for what came.
  var estimate: TokenUsage {
    let came = TokenEstimate.answer(bytes: deliveredBytes)
    switch progress {
    case .unsent, .refused: return TokenUsage()
    case .complete: return TokenUsage(input: promptTokens, output: came)
    case .begun:
      let isUnknown =
        !isEndKnown && outcome != AttemptReport.clientGone && !(isStream && deliveredBytes > 0)
      return TokenUsage(input: promptTokens, output: isUnknown ? max(came, possible) : came)
    }
  }

  /// What a model can have generated in the time of the attempt.
  private var possible: Int64 {
    let milliseconds = Int64(clamping: endedAt > sentAt ? (endedAt - sentAt) / 1_000_000 : 0)
    let tokens = milliseconds.multipliedClamped(by: TokenEstimate.tokensPerSecondMax) / 1000
    return min(tokens.addingClamped(1), outputTokensMax ?? target.outputTokensMax ?? .max)
  }

  /// What the attempt is charged.
  var accounted: (usage: TokenUsage, isEstimated: Bool) {
    switch progress {
    case .unsent, .refused: return (TokenUsage(), false)
    case .complete: return TokenUsage.accounted(usage, estimate: estimate)
    case .begun:
      guard var reported = usage else { return (estimate, true) }
      // What was counted before the end may be too little.
      if reported.output < estimate.output { reported.isOutputReported = false }
      return reported.completed(by: estimate)
    }
  }
}
