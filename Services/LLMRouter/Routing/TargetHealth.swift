/// What is known of a target at the moment of a choice.
public struct TargetHealth: Sendable, Hashable {
  /// Whether its breaker lets a call through.
  public var isOpen: Bool
  /// Calls in flight.
  public var inFlight: Int
  /// Time to the first token lately, in microseconds, smoothed; 0 when nothing is known.
  public var firstTokenMicroseconds: Int64

  /// A state.
  public init(isOpen: Bool = false, inFlight: Int = 0, firstTokenMicroseconds: Int64 = 0) {
    self.isOpen = isOpen
    self.inFlight = inFlight
    self.firstTokenMicroseconds = firstTokenMicroseconds
  }
}
