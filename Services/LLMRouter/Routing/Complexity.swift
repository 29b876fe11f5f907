/// How hard a caller says that its work is. The raw values are part of the API.
public enum Complexity: String, Sendable, CaseIterable, Hashable {
  /// Looking up, formatting, classifying.
  case low
  /// Most work.
  case medium
  /// Planning, proving, long code.
  case high

  var tier: Tier { self == .low ? .small : self == .medium ? .medium : .large }
}
