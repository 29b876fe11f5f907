/// What an issuer says about a caller, to whom, and until when.
public struct Assertion: Hashable, Sendable {
  /// The caller.
  public let caller: Caller
  /// The services that it is for.
  public let audiences: Audiences
  /// The second since 1970 in which it ends.
  public let expiresAt: Int64

  /// Makes an assertion.
  public init(caller: Caller, audiences: Audiences, expiresAt: Int64) {
    self.caller = caller
    self.audiences = audiences
    self.expiresAt = expiresAt
  }
}
