internal import Primitives

/// What a process has reserved in shared counters beyond what its calls need now, so that most calls need not ask the
/// store. Quota is part of the counter's value there: nothing is ever spent twice. It is good for a short time, then
/// the store is asked again; after that time a counter can be rebuilt without regard to quota.
///
/// Times are nanoseconds of one clock, given from outside.
public struct PrefetchedQuota: Sendable {
  /// How long quota can be spent without asking the store.
  public static let validNanoseconds: UInt64 = 1_000_000_000
  /// Of what is left in a counter a process keeps no more than one part in so many. The script that grants divides by
  /// the same number.
  public static let keepDivisor: Int64 = 20

  private struct Quota {
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
    /// So much is to be returned to the store.
    case excess(Int64)
    /// There is no quota of that generation: the store needs all amounts.
    case unknown
  }

  private var quotas: [String: Quota] = [:]

  /// None.
  public init() {}

  /// Takes all amounts out of the quota, or nothing: then nil. Returns the generations.
  public mutating func take(_ needs: [(key: String, amount: Int64)], at now: UInt64) -> [Int64]? {
    var generations: [Int64] = []
    for need in needs {
      guard let quota = quotas[need.key], now < quota.validUntil, quota.available >= need.amount else { return nil }
      generations.append(quota.generation)
    }
    for need in needs {
      quotas[need.key]?.available.subtractClamped(need.amount)
      quotas[need.key]?.usedAt = now
    }
    return generations
  }

  /// Takes what there is of an amount; the rest has to come from the store. A debt, of calls that used more than was
  /// reserved, makes it less than nothing. Generation 0: there is no quota.
  public mutating func takePart(_ key: String, of amount: Int64) -> (taken: Int64, generation: Int64) {
    guard let quota = quotas[key] else { return (0, 0) }
    let taken = min(quota.available, amount)
    quotas[key]?.available.subtractClamped(taken)
    return (taken, quota.generation)
  }

  /// Puts back what was taken for a call that is not made. Returns false when the quota is gone since: then the amount
  /// is to be returned to the store.
  public mutating func putBack(_ key: String, generation: Int64, _ amount: Int64) -> Bool {
    guard amount != 0 else { return true }
    guard quotas[key]?.generation == generation else { return false }
    quotas[key]?.available.addClamped(amount)
    return true
  }

  /// The store has granted `extra` beyond what a call needed; `value` is the counter's value after that.
  public mutating func granted(
    _ key: String, generation: Int64, extra: Int64, value: Int64, limit: Int64, at now: UInt64
  ) {
    let old = quotas[key].flatMap { $0.generation == generation ? $0.available : nil } ?? 0
    quotas[key] = Quota(
      generation: generation, available: old.addingClamped(extra),
      keep: max(0, limit.subtractingClamped(value) / PrefetchedQuota.keepDivisor),
      value: value, validUntil: now &+ PrefetchedQuota.validNanoseconds, usedAt: now)
  }

  /// A call has used `difference` less than it had reserved (negative: more).
  public mutating func settle(
    _ key: String, generation: Int64, difference: Int64, at now: UInt64
  ) -> Settlement {
    guard var quota = quotas[key], quota.generation == generation else { return .unknown }
    quota.available.addClamped(difference)
    quota.usedAt = now
    // What is not good for spending any more is kept by nobody.
    let excess = quota.available.subtractingClamped(now < quota.validUntil ? quota.keep : 0)
    if excess > 0 {
      quota.available.subtractClamped(excess)
      quota.value.subtractClamped(excess)
    }
    quotas[key] = quota
    return excess > 0 ? .excess(excess) : .kept
  }

  /// The counter was rebuilt: its quota does not count any more.
  public mutating func drop(_ key: String) { quotas[key] = nil }

  /// Removes the quota that was not used since a time, and returns what is to be returned of each counter.
  public mutating func release(unusedSince time: UInt64) -> [(key: String, generation: Int64, amount: Int64)] {
    let idle = quotas.filter { $0.value.usedAt <= time }
    for key in idle.keys { quotas[key] = nil }
    return idle.map { ($0.key, $0.value.generation, $0.value.available) }
  }

  /// What is spent or reserved for calls, as far as this process knows; nil when it knows nothing.
  public func spent(_ key: String) -> Int64? { quotas[key].map { $0.value.subtractingClamped($0.available) } }

  /// The counters of which there is quota.
  public var keys: [String] { Array(quotas.keys) }

  /// The generation of the counter that the quota is of.
  public func generation(_ key: String) -> Int64? { quotas[key]?.generation }

  /// The quota of a counter.
  public func available(_ key: String) -> Int64 { quotas[key]?.available ?? 0 }
}
