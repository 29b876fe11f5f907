/// What a stream is in an answer.
enum StreamRole: Sendable {
  /// All of it; it stays as it is where caller and provider speak the same dialect.
  case only
  /// Another provider may go on with it.
  case continuable
  /// It goes on with another one.
  case continuation
}

/// How long a provider's stream is waited for.
struct StreamLimits: Sendable {
  /// The name of the provider, for messages.
  let provider: String
  /// When the first token (text, thoughts or arguments) has to be there, in monotonic nanoseconds.
  let firstTokenBy: UInt64
  /// The longest time without a token after it, in nanoseconds. Comments and pings are no tokens.
  let stallNanoseconds: UInt64
  /// The end of the whole call, in monotonic nanoseconds.
  let deadline: UInt64
}
