/// A name whose hash is made once.
package struct HashedName: Sendable, Hashable {
  /// The name.
  package let text: String
  private let hashed: Int

  /// Makes one.
  package init(_ text: String) {
    self.text = text
    hashed = text.hashValue
  }

  /// Hashes the name.
  package func hash(into hasher: inout Hasher) { hasher.combine(hashed) }

  /// Names are equal as texts.
  package static func == (one: HashedName, other: HashedName) -> Bool {
    one.hashed == other.hashed && one.text == other.text
  }
}

/// How many requests of whom are under way in this replica. Whoever has none is not in it, so it is as large as the
/// number of requests at most.
package struct InFlightTable: Sendable {
  private struct Counts: Sendable {
    var short = 0
    var long = 0
  }

  private var counts: [HashedName: Counts] = [:]

  /// Makes an empty table.
  package init() {}

  /// Requests of somebody.
  package func count(_ name: HashedName, isLong: Bool) -> Int {
    let counts = counts[name]
    return (isLong ? counts?.long : counts?.short) ?? 0
  }

  /// Counts a request. Returns whether there is room for it.
  package mutating func enter(_ name: HashedName, isLong: Bool, max: Int?) -> Bool {
    var own = counts[name] ?? Counts()
    let current = isLong ? own.long : own.short
    if let max, current >= max { return false }
    if isLong { own.long += 1 } else { own.short += 1 }
    counts[name] = own
    return true
  }

  /// A request has ended.
  package mutating func leave(_ name: HashedName, isLong: Bool) {
    guard var own = counts[name] else { return }
    if isLong { own.long = Swift.max(0, own.long - 1) } else { own.short = Swift.max(0, own.short - 1) }
    counts[name] = own.short == 0 && own.long == 0 ? nil : own
  }
}
