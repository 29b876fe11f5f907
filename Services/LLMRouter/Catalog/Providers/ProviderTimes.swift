/// How long a provider is waited for.
package struct ProviderTimes: Sendable {
  /// What a provider has of its own; nil: as the settings say.
  package struct Own: Sendable, Equatable {
    package var timeout: Duration?
    package var firstToken: Duration?
    package var stall: Duration?

    /// Times; nothing by default.
    package init(timeout: Duration? = nil, firstToken: Duration? = nil, stall: Duration? = nil) {
      self.timeout = timeout
      self.firstToken = firstToken
      self.stall = stall
    }
  }

  /// While another provider can be asked a stream has this time for its first token when none is configured.
  /// Alone a model may think for as long as a whole answer may take: giving up would gain nothing.
  package static let firstTokenWithOthers = Duration.seconds(120)
  /// Models that think between two tokens send nothing for minutes.
  package static let stallStandard = Duration.seconds(300)

  /// Time for a whole answer.
  package var timeout: Duration
  /// Time for the first token of a stream, when it was set.
  package var firstToken: Duration?
  /// The longest time between two tokens of a stream, when it was set.
  package var stall: Duration?

  /// Times.
  package init(timeout: Duration, firstToken: Duration? = nil, stall: Duration? = nil) {
    self.timeout = timeout
    self.firstToken = firstToken
    self.stall = stall
  }

  /// With what a provider has of its own.
  package func with(_ own: Own) -> ProviderTimes {
    ProviderTimes(
      timeout: own.timeout ?? timeout, firstToken: own.firstToken ?? firstToken, stall: own.stall ?? stall)
  }

  /// The longest time between two tokens.
  package var stallOrStandard: Duration { stall ?? min(ProviderTimes.stallStandard, timeout) }

  /// Time for the first token. `hasOthers`: another target can be asked.
  package func firstToken(hasOthers: Bool) -> Duration {
    firstToken ?? (hasOthers ? min(ProviderTimes.firstTokenWithOthers, timeout) : timeout)
  }
}
