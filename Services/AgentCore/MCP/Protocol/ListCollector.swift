package import MCP

/// Gathers the pages of a list. Pages, entries and cursors are bounded: a server cannot make it run on for ever.
package struct ListCollector<Entry: Sendable>: Sendable {
  /// Pages of a list.
  package static var pagesMax: Int { 100 }

  private let entriesMax: Int
  /// What was gathered so far.
  package private(set) var entries: [Entry] = []
  /// Why entries were left out; at most 20 are kept.
  package private(set) var faults: [MCPError] = []
  /// The shortest lifetime of its pages, in milliseconds; `nil` when none has one.
  package private(set) var lifetimeMilliseconds: Int64?
  private var pages = 0
  private var cursors: Set<String> = []

  /// Nothing yet.
  package init(entriesMax: Int) { self.entriesMax = entriesMax }

  /// Takes a page; returns the cursor of the next one. Throws when the list is beyond its limits.
  package mutating func take(_ page: MCPListPage<Entry>) throws(MCPError) -> String? {
    pages += 1
    entries += page.entries
    if let lifetime = page.lifetimeMilliseconds {
      lifetimeMilliseconds = min(lifetimeMilliseconds ?? lifetime, lifetime)
    }
    faults += page.faults.prefix(max(0, 20 - faults.count))
    guard entries.count <= entriesMax else {
      throw MCPError(.endlessList, "the list has more than \(entriesMax) entries")
    }
    guard let cursor = page.nextCursor else { return nil }
    guard pages < Self.pagesMax else { throw MCPError(.endlessList, "the list has more than \(Self.pagesMax) pages") }
    guard cursors.insert(cursor).inserted else {
      throw MCPError(.endlessList, "the same cursor came twice")
    }
    return cursor
  }
}
