internal import Primitives

/// What a process has set aside in shared counters beyond what its calls need now, so that most calls need not ask the
/// store. A holding is part of the counter's value there: nothing is ever spent twice. It is good for a short time,
/// then the store is asked again; after that time a counter can be built anew without regard to holdings.
///
/// Times are nanoseconds of one clock, given from outside.
public struct PrefetchedQuota: Sendable {
  /// How long a holding can be spent without asking the store.
  public static let validNanoseconds: UInt64 = 1_000_000_000
  /// Of what is left in a counter a process keeps no more than one part in so many. The script that grants divides by
  /// the same number.
  public static let keepDivisor: Int64 = 20

  private struct Holding {
    var generation: Int64
    var available: Int64
    var keep: Int64
    /// The counter's value at the last contact.
    var value: Int64
    var validUntil: UInt64
    var usedAt: UInt64
  }

  /// What comes of a settlement.
  public enum Settlement: Sendable, Hashable {
    /// It stays in the process.
    case kept
    /// So much is to be given back to the store.
    case excess(Int64)
    /// There is no holding of that generation: the store has to be told all.
    case unknown
  }

  private var held: [String: Holding] = [:]

  /// None.
  public init() {}

  /// Takes all amounts out of holdings, or nothing: then nil. Returns the generations.
  public mutating func take(_ needs: [(key: String, amount: Int64)], at now: UInt64) -> [Int64]? {
    var generations: [Int64] = []
    for need in needs {
      guard let holding = held[need.key], now < holding.validUntil, holding.available >= need.amount else { return nil }
      generations.append(holding.generation)
    }
    for need in needs {
      held[need.key]?.available.subtractClamped(need.amount)
      held[need.key]?.usedAt = now
    }
    return generations
  }

  /// Takes what there is of an amount; the rest has to come from the store. A debt, of calls that used more than was
  /// set aside, makes it less than nothing. Generation 0: there is no holding.
  public mutating func takePart(_ key: String, of amount: Int64) -> (taken: Int64, generation: Int64) {
    guard let holding = held[key] else { return (0, 0) }
    let taken = min(holding.available, amount)
    held[key]?.available.subtractClamped(taken)
    return (taken, holding.generation)
  }

  /// Puts back what was taken for a call that is not made. Returns false when the holding is gone since: then the
  /// amount is to be given back to the store.
  public mutating func putBack(_ key: String, generation: Int64, _ amount: Int64) -> Bool {
    guard amount != 0 else { return true }
    guard held[key]?.generation == generation else { return false }
    held[key]?.available.addClamped(amount)
    return true
  }

  /// The store has granted `extra` beyond what a call needed; `value` is the counter's value after that.
  public mutating func granted(
    _ key: String, generation: Int64, extra: Int64, value: Int64, limit: Int64, at now: UInt64
  ) {
    let old = held[key].flatMap { $0.generation == generation ? $0.available : nil } ?? 0
    held[key] = Holding(
      generation: generation, available: old.addingClamped(extra),
      keep: max(0, limit.subtractingClamped(value) / PrefetchedQuota.keepDivisor),
      value: value, validUntil: now &+ PrefetchedQuota.validNanoseconds, usedAt: now)
  }

  /// A call has used `difference` less than it had set aside (negative: more).
  public mutating func settle(
    _ key: String, generation: Int64, difference: Int64, at now: UInt64
  ) -> Settlement {
    guard var holding = held[key], holding.generation == generation else { return .unknown }
    holding.available.addClamped(difference)
    holding.usedAt = now
    // What is not good for spending any more is kept by nobody.
    let excess = holding.available.subtractingClamped(now < holding.validUntil ? holding.keep : 0)
    if excess > 0 {
      holding.available.subtractClamped(excess)
      holding.value.subtractClamped(excess)
    }
    held[key] = holding
    return excess > 0 ? .excess(excess) : .kept
  }

  /// The counter was built anew: what was held of it does not count any more.
  public mutating func drop(_ key: String) { held[key] = nil }

  /// Removes the holdings that were not used since a time, and returns what is to be given back of each.
  public mutating func release(unusedSince time: UInt64) -> [(key: String, generation: Int64, amount: Int64)] {
    let idle = held.filter { $0.value.usedAt <= time }
    for key in idle.keys { held[key] = nil }
    return idle.map { ($0.key, $0.value.generation, $0.value.available) }
  }

  /// What is spent or set aside for calls, as far as this process knows; nil when it knows nothing.
  public func spent(_ key: String) -> Int64? { held[key].map { $0.value.subtractingClamped($0.available) } }

  /// The counters of which something is held.
  public var keys: [String] { Array(held.keys) }

  /// The generation of the counter of which something is held.
  public func generation(_ key: String) -> Int64? { held[key]?.generation }

  /// What is held of a counter.
  public func available(_ key: String) -> Int64 { held[key]?.available ?? 0 }
}
