/// What a failed attempt says about where to go on.
public enum FailureClass: String, Sendable, CaseIterable, Hashable {
  /// The request is at fault: nobody will take it.
  case caller
  /// The provider does not accept the key.
  case key
  /// The account has no money or quota left.
  case money
  /// Too many calls with this key.
  case rate
  /// The provider is overloaded or broken.
  case provider
  /// The connection failed, broke or was too slow.
  case transport
  /// The prompt is too long for the model.
  case context
  /// A content filter refused.
  case content
  /// The provider does not know the model.
  case model

  /// Classifies an answer by its status and by what its error says (`code`, `type` and `message` of OpenAI and
  /// Anthropic; both put the cause in words when no code fits).
  public init(status: Int, code: String, message: String) {
    let text = message.lowercased()
    switch (status, code) {
    case (_, "context_length_exceeded"), (413, _): self = .context
    case (_, "content_filter"), (_, "content_policy_violation"): self = .content
    case (_, "insufficient_quota"), (_, "billing_error"), (_, "credit_balance_exhausted"), (402, _): self = .money
    case (401, _), (403, _): self = .key
    case (429, _), (_, "rate_limit_error"): self = .rate
    case (404, _): self = .model
    case (408, _), (409, _): self = .transport
    case (400..<500, _):
      let isLong =
        text.contains("maximum context length") || text.contains("prompt is too long")
        || text.contains("context window") || text.contains("too many tokens")
      self = isLong ? .context : .caller
    default: self = .provider
    }
  }

  /// Whether another target may do better.
  public var allowsFallback: Bool { self != .caller }
  /// Whether the same target may do better after a pause.
  public var allowsRetry: Bool { self == .rate || self == .provider || self == .transport }
  /// Whether it counts against the health of the target and key.
  public var isFault: Bool { self != .caller && self != .context && self != .content }
}

/// How attempts follow each other. One count and one deadline for the whole call: retries do not multiply fallbacks.
public struct RetryPolicy: Sendable, Hashable {
  /// Attempts of one call over all targets.
  public var attemptsMax: Int
  /// The pause before the first repetition; doubled each time.
  public var pauseMilliseconds: Int64
  /// The longest pause.
  public var pauseMaxMilliseconds: Int64

  /// A policy.
  public init(attemptsMax: Int = 4, pauseMilliseconds: Int64 = 250, pauseMaxMilliseconds: Int64 = 8000) {
    self.attemptsMax = attemptsMax
    self.pauseMilliseconds = pauseMilliseconds
    self.pauseMaxMilliseconds = pauseMaxMilliseconds
  }

  /// The pause before round `round` (1 is the first repetition), with what the provider asked for as its floor; nil
  /// when it does not fit before the deadline. `random` spreads the upper half.
  public func pause(round: Int, retryAfter: Int64?, remaining milliseconds: Int64, random: UInt64) -> Int64? {
    let doubled = pauseMilliseconds << Int64(min(max(0, round - 1), 10))
    let base = min(doubled, pauseMaxMilliseconds)
    let jittered = base / 2 + Int64(random % UInt64(max(1, base / 2 + 1)))
    let pause = max(jittered, retryAfter ?? 0)
    return pause < milliseconds ? pause : nil
  }
}
