/// A map that keeps what was written of late: when it is full, what was not written since it was half full goes.
struct RecentMap<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  private let countMax: Int
  private var young: [Key: Value] = [:]
  private var old: [Key: Value] = [:]

  /// A map of at most `countMax` values.
  init(countMax: Int) { self.countMax = max(2, countMax) }

  var count: Int { young.count + old.count }

  subscript(_ key: Key) -> Value? {
    get { young[key] ?? old[key] }
    set {
      old[key] = nil
      young[key] = newValue
      guard young.count > countMax / 2 else { return }
      old = young
      young = [:]
    }
  }

  /// What is looked at stays as long as what is written.
  mutating func touch(_ key: Key) {
    if let value = old[key] { self[key] = value }
  }

  mutating func removeAll(where isWanted: (Value) -> Bool) {
    young = young.filter { !isWanted($0.value) }
    old = old.filter { !isWanted($0.value) }
  }
}
