/// The limits and locks that a step is subject to, as one text: `project:ID`, `agent:NAME`, `model:NAME`, `lock:NAME`.
package enum Lane {
  /// Stands between the names; no name contains it.
  package static let separator = "\u{1f}"
}
