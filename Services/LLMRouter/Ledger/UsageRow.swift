package import Primitives

/// Sums of calls.
package struct UsageRow: Sendable {
  package var bucket: Timestamp?
  /// In the order of the query's groups.
  package var groups: [String?]
  package var calls: Int64
  package var attempts: Int64
  package var inputTokens: Int64
  package var cacheReadTokens: Int64
  package var cacheWriteTokens: Int64
  package var outputTokens: Int64
  package var nanoUSD: Int64
  package var savedNanoUSD: Int64
  package var unpricedCalls: Int64
  package var estimatedCalls: Int64
}
