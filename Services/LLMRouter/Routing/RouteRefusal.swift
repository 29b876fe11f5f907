/// Why there is no target.
public enum RouteRefusal: Error, Sendable, Hashable {
  /// Nothing has this name.
  case unknownModel(String)
  /// The key may not use it.
  case notAllowed(String)
  /// Nothing of what the name stands for can do what is needed.
  case lacking(String, Set<Capability>)
  /// The prompt is longer than all of what the name stands for can take: estimated tokens and the largest limit.
  case contextTooLong(Int64, Int64)
  /// Tier or complexity is unknown.
  case badTier(String)
}
