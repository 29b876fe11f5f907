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

  /// What came of an insertion.
  package struct Insertion: Sendable, Hashable {
    /// What is known of the module now: what was known before, where there was something; `nil` without room for it.
    package let entry: Entry?
    /// The files that no module has any more.
    package let unused: [String]
  }

  /// Adds a module, in use by its first run. Its file is there already.
  package mutating func insert(_ key: String, _ entry: Entry, bytes size: Int) -> Insertion {
    if let known = use(key) { return Insertion(entry: known, unused: unused(entry)) }
    var gone: [Entry] = []
    while size <= bytesMax, bytes > bytesMax - size || entries.count >= entriesMax {
      guard let victim = entries.filter({ $0.value.users == 0 }).min(by: { $0.value.usedAt < $1.value.usedAt }) else {
        break
      }
      entries[victim.key] = nil
      bytes -= victim.value.bytes
      gone.append(victim.value.entry)
    }
    let isKept = size <= bytesMax && bytes <= bytesMax - size && entries.count < entriesMax
    if isKept {
      clock &+= 1
      bytes += size
      var known = Known(entry: entry, bytes: size, usedAt: clock)
      if case .compiled = entry { known.users = 1 }
      entries[key] = known
    }
    // Looked at last: two modules may be one when they are compiled, the new one and a victim too.
    return Insertion(entry: isKept ? entry : nil, unused: Array(Set((gone + [entry]).flatMap(unused))).sorted())
  }

  /// The file of an entry when no module has it.
  private func unused(_ entry: Entry) -> [String] {
    guard case .compiled(let file) = entry, !entries.values.contains(where: { $0.entry == entry }) else { return [] }
    return [file]
  }
}
