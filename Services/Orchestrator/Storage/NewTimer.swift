package import Contracts
package import Decider

/// A timer to be set.
package struct NewTimer: Sendable {
  package let kind: TimerKind
  package var step: String?
  package var attempt: Int?
  /// The run that it is for; `nil` is the run that sets it.
  package var run: RunID?
  package var other: RunID?
  /// The key of the question that it is about.
  package var ask: String?
  package var delayMilliseconds: Int64 = 0

  package init(
    kind: TimerKind, step: String? = nil, attempt: Int? = nil, run: RunID? = nil, other: RunID? = nil,
    ask: String? = nil, delayMilliseconds: Int64 = 0
  ) {
    self.kind = kind
    self.step = step
    self.attempt = attempt
    self.run = run
    self.other = other
    self.ask = ask
    self.delayMilliseconds = delayMilliseconds
  }
}
