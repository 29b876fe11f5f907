package import Primitives

/// What the usage API can be asked for.
package struct UsageQuery: Sendable {
  /// What calls can be grouped and filtered by.
  package static let dimensions = Dictionary(UsageDimension.all.map { ($0.name, $0) }) { $1 }
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
