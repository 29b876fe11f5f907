/// Values of a store for a short time. Says when the store must be asked, who asks it, and how long a value may stand in
/// for an answer that does not come. Pure: times are inputs, in nanoseconds.
package struct FreshCache<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  /// How long values are good.
  package struct Limits: Sendable {
    /// How long a value is used without asking, in nanoseconds.
    package var fresh: UInt64
    /// How long it is used while the store does not answer.
    package var grace: UInt64

    /// Makes limits.
    package init(fresh: UInt64, grace: UInt64) {
      self.fresh = fresh
      self.grace = grace
    }
  }

  /// What a lookup leads to.
  package enum Lookup {
    /// The value is good.
    case known(Value)
    /// The store is to be asked; `put` follows. `fallback` is good if it does not answer.
    case ask(Ticket, fallback: Value?)
  }

  /// The moment of a question: an answer that is older than a change is not kept.
  package struct Ticket: Sendable {
    fileprivate let epoch: UInt64
  }

  private struct Entry {
    var value: Value
    var readAt: UInt64
    /// Until when nobody else asks: the store is being asked, or has not answered a moment ago.
    var askedUntil: UInt64 = 0
  }

  /// Between two questions for one value, in nanoseconds: those who ask wait for a store that is away.
  private static var pause: UInt64 { 1_000_000_000 }
  /// Changes that are remembered one by one.
  private static var changesMax: Int { 1024 }

  private var values: RecentMap<Key, Entry>
  /// Those that say that there is nothing: a flood of them must not drive out what is good.
  private var absences: RecentMap<Key, Entry>
  private var epoch: UInt64 = 1
  private var allChangedAt: UInt64 = 0
  private var changedAt: [Key: UInt64] = [:]

  /// Makes an empty cache of at most so many values, and so many that say that there is nothing.
  package init(countMax: Int, absencesMax: Int) {
    values = RecentMap(countMax: countMax)
    absences = RecentMap(countMax: absencesMax)
  }

  /// How many values there are.
  package var count: Int { values.count + absences.count }

  /// Looks a value up.
  package mutating func lookup(_ key: Key, _ limits: Limits, now: UInt64) -> Lookup {
    let isAbsence = values[key] == nil
    guard var entry = values[key] ?? absences[key] else { return .ask(Ticket(epoch: epoch), fallback: nil) }
    let age = now &- entry.readAt
    guard age < limits.grace else { return .ask(Ticket(epoch: epoch), fallback: nil) }
    guard age >= limits.fresh else {
      if isAbsence { absences.touch(key) } else { values.touch(key) }
      return .known(entry.value)
    }
    // One asks; the others go on with what is known meanwhile, and so do all for a moment after an answer that fails.
    guard now >= entry.askedUntil else { return .known(entry.value) }
    entry.askedUntil = now &+ FreshCache.pause
    if isAbsence { absences[key] = entry } else { values[key] = entry }
    return .ask(Ticket(epoch: epoch), fallback: entry.value)
  }

  /// Keeps the answer of the store, unless what it is about has changed since it was asked.
  package mutating func put(_ key: Key, _ value: Value, isAbsence: Bool, _ ticket: Ticket, now: UInt64) {
    guard ticket.epoch >= allChangedAt, ticket.epoch >= changedAt[key] ?? 0 else { return }
    let entry = Entry(value: value, readAt: now)
    values[key] = isAbsence ? nil : entry
    absences[key] = isAbsence ? entry : nil
  }

  /// The value has changed.
  package mutating func remove(_ key: Key) {
    values[key] = nil
    absences[key] = nil
    epoch += 1
    if changedAt.count >= FreshCache.changesMax {
      changedAt = [:]
      allChangedAt = epoch
    }
    changedAt[key] = epoch
  }

  /// Values have changed that meet a condition, and those that are being asked for may have.
  package mutating func removeAll(where isChanged: (Value) -> Bool = { _ in true }) {
    values.removeAll { isChanged($0.value) }
    absences.removeAll { isChanged($0.value) }
    epoch += 1
    allChangedAt = epoch
    changedAt = [:]
  }
}
