/// Which modules are compiled: by the digest of the module and of the engine's configuration. Pure.
///
/// A compiled module that a run uses stays; of the others those that were not used for the longest time go first.
package struct ModuleIndex: Sendable {
  /// What is known of a module.
  package enum Entry: Sendable, Hashable {
    /// Its compiled form, by digest, which is the name of its file.
    case compiled(String)
    /// It will never be compiled.
    case rejected(String)
  }

  private struct Known: Sendable {
    var entry: Entry
    var bytes: Int
    var users = 0
    var usedAt: UInt64
  }

  private let bytesMax: Int
  private let entriesMax: Int
  private var entries: [String: Known] = [:]
  private var clock: UInt64 = 0
  /// Bytes of all compiled modules.
  package private(set) var bytes = 0

  /// An empty index.
  package init(bytesMax: Int, entriesMax: Int = 1024) {
    self.bytesMax = max(0, bytesMax)
    self.entriesMax = max(1, entriesMax)
  }

  /// Modules that are known.
  package var count: Int { entries.count }

  /// Looks a module up, and keeps a compiled one until `release`.
  package mutating func use(_ key: String) -> Entry? {
    guard var known = entries[key] else { return nil }
    clock &+= 1
    known.usedAt = clock
    if case .compiled = known.entry { known.users += 1 }
    entries[key] = known
    return known.entry
  }

  /// A run no longer uses a module.
  package mutating func release(_ key: String) {
    guard let users = entries[key]?.users, users > 0 else { return }
    entries[key]?.users = users - 1
  }

  /// Adds a module, in use by its first run. Returns the files to delete; `nil` when there is no room for it.
  package mutating func insert(_ key: String, _ entry: Entry, bytes size: Int) -> [String]? {
    guard entries[key] == nil else {
      _ = use(key)
      return []
    }
    guard size <= bytesMax else { return nil }
    var evicted: [String] = []
    while bytes > bytesMax - size || entries.count >= entriesMax {
      guard let victim = entries.filter({ $0.value.users == 0 }).min(by: { $0.value.usedAt < $1.value.usedAt }) else {
        return nil
      }
      entries[victim.key] = nil
      bytes -= victim.value.bytes
      if case .compiled(let file) = victim.value.entry, !entries.values.contains(where: { $0.entry == .compiled(file) })
      {
        evicted.append(file)
      }
    }
    clock &+= 1
    bytes += size
    var known = Known(entry: entry, bytes: size, usedAt: clock)
    if case .compiled = entry { known.users = 1 }
    entries[key] = known
    return evicted
  }
}
