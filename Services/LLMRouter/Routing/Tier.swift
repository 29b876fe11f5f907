/// How capable, and dear, a model is. The raw values are part of the API.
public enum Tier: String, Sendable, CaseIterable, Hashable, Comparable {
  /// For simple work.
  case small
  /// For most work.
  case medium
  /// For what is hard.
  case large

  private var rank: Int { self == .small ? 0 : self == .medium ? 1 : 2 }
  /// By capability.
  public static func < (left: Tier, right: Tier) -> Bool { left.rank < right.rank }
  /// The next larger one.
  public var next: Tier? { self == .small ? .medium : self == .medium ? .large : nil }
}
