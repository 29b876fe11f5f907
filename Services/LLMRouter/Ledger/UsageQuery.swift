package import Primitives

/// What the usage API can be asked for.
package struct UsageQuery: Sendable {
  /// A name by which calls are told apart.
  package struct Dimension: Sendable {
    let column: String
    /// Its number in `usage_sum`; nil for names of single runs and steps, of which there are no sums.
    let sum: Int?
    /// A condition of the index of the column, with the values that fulfil it.
    var partial: (condition: String, holds: @Sendable (String) -> Bool)?
  }

  /// What rows can be told apart by.
  package static let dimensions: [String: Dimension] = [
    "project": Dimension(column: "project", sum: 1), "group": Dimension(column: "\"group\"", sum: 2),
    "run": Dimension(column: "run", sum: nil), "step": Dimension(column: "step", sum: nil),
    "agent": Dimension(column: "agent", sum: 3), "tool": Dimension(column: "tool", sum: 4),
    "key": Dimension(column: "key", sum: 5), "principal": Dimension(column: "principal", sum: 6),
    "model": Dimension(column: "model", sum: 7), "model_asked": Dimension(column: "model_asked", sum: 8),
    "provider": Dimension(column: "provider", sum: 9),
    "outcome": Dimension(column: "outcome", sum: 10, partial: ("outcome <> 'ok'", { $0 != "ok" })),
    "cache": Dimension(
      column: "cache", sum: 11, partial: ("cache not in ('off', 'miss')", { $0 != "off" && $0 != "miss" })),
    "dialect": Dimension(column: "dialect", sum: 12, partial: ("dialect <> 'chat'", { $0 != "chat" })),
  ]
  package static let buckets = ["hour", "day", "month"]

  package var from: Timestamp
  package var to: Timestamp
  /// Keys of `dimensions`.
  package var groups: [String]
  /// One of `buckets`.
  package var bucket: String?
  /// Values by keys of `dimensions`.
  package var filters: [(name: String, value: String)]
  package var limit: Int

  /// All calls of a time.
  package init(
    from: Timestamp, to: Timestamp, groups: [String], bucket: String?, filters: [(name: String, value: String)],
    limit: Int
  ) {
    self.from = from
    self.to = to
    self.groups = groups
    self.bucket = bucket
    self.filters = filters
    self.limit = limit
  }
}
