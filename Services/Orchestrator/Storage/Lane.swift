/// The limits and locks that a step is subject to, as one text: `project:ID`, `agent:NAME`, `model:NAME`, `lock:NAME`.
package enum Lane {
  /// Stands between the names; no name contains it.
  package static let separator = "\u{1f}"

  /// The part of a lane behind a prefix.
  package static func named(_ prefix: String, in lane: String) -> String? {
    lane.isEmpty
      ? nil
      : lane.split(separator: separator).first { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.utf8.count)) }
  }
}
