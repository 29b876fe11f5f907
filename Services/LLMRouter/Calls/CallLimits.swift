package import ModelCatalog
package import Routing

/// How calls are made: limits and times.
package struct CallLimits: Sendable {
  /// Time for a whole call with all its attempts.
  package var timeout: Duration
  package var retries: AttemptPolicy
  /// Tokens of an answer that has no bound of its own, where a budget needs one.
  package var outputTokens: Int64
  /// Whether models without a price may be called on money budgets.
  package var allowsUnpriced: Bool
  /// The largest answer.
  package var answerBytes: Int
  /// How long providers are waited for.
  package var times: ProviderTimes
  /// The longest time in which a stream sends its caller nothing.
  package var heartbeat: Duration

  /// Limits.
  package init(
    timeout: Duration, retries: AttemptPolicy, outputTokens: Int64, allowsUnpriced: Bool, answerBytes: Int,
    times: ProviderTimes, heartbeat: Duration
  ) {
    self.timeout = timeout
    self.retries = retries
    self.outputTokens = outputTokens
    self.allowsUnpriced = allowsUnpriced
    self.answerBytes = answerBytes
    self.times = times
    self.heartbeat = heartbeat
  }
}
