/// How long a provider is waited for.
struct ProviderTimes: Sendable {
  /// What a provider has of its own; nil: as the settings say.
  struct Own: Sendable, Equatable {
    var timeout: Duration?
    var firstToken: Duration?
    var stall: Duration?
  }

  /// While another provider can be asked a stream has this time for its first token when nobody has said anything.
  /// Alone a model may think for as long as a whole answer may take: to give up would win nothing.
  static let firstTokenWithOthers = Duration.seconds(120)
  /// Models that think between two words are silent for minutes.
  static let stallStandard = Duration.seconds(300)

  /// Time for a whole answer.
  var timeout: Duration
  /// Time for the first token of a stream, when it was set.
  var firstToken: Duration?
  /// The longest time between two tokens of a stream, when it was set.
  var stall: Duration?

  /// With what a provider has of its own.
  func with(_ own: Own) -> ProviderTimes {
    ProviderTimes(
      timeout: own.timeout ?? timeout, firstToken: own.firstToken ?? firstToken, stall: own.stall ?? stall)
  }

  /// The longest time between two tokens.
  var stallOrStandard: Duration { stall ?? min(ProviderTimes.stallStandard, timeout) }

  /// Time for the first token. `hasOthers`: another target can be asked.
  func firstToken(hasOthers: Bool) -> Duration {
    firstToken ?? (hasOthers ? min(ProviderTimes.firstTokenWithOthers, timeout) : timeout)
  }
}
