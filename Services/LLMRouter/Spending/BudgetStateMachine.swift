internal import Budgets
internal import Primitives

/// What this process knows of budget counters: open reservations, prefetched quota, and which counters cannot be used
/// now. Pure: inputs change the state and return what the guard has to do; time comes from outside, in nanoseconds of
/// one clock.
struct BudgetStateMachine: Sendable {
  /// Counters that are remembered for verification.
  static let usedMax = 1000
  /// So long after their last use counters are verified, in nanoseconds.
  static let verifiedNanoseconds: UInt64 = 600_000_000_000
  /// Counters that are verified at once.
  static let verifiedMax = 20

  /// A reservation whose call has not ended.
  private struct OpenReservation: Sendable {
    let reservation: Reservation
    /// The generation of each counter that includes the reservation.
    var generations: [Int64]
    /// The call has ended, but a counter is being rebuilt.
    var isSettled = false
  }

  /// A settlement that waits until its counters are rebuilt.
  private struct DeferredSettlement: Sendable {
    let reservation: Reservation
    let used: BudgetAmounts
  }

  /// A counter that calls of this process have used.
  private struct UsedCounter: Sendable {
    let counter: BudgetCounter
    var usedAt: UInt64 = 0
    var verifiedAt: UInt64 = 0
  }

  private var open: [UUID: OpenReservation] = [:]
  private var quota = PrefetchedQuota()
  private var rebuilding: Set<String> = []
  private var deferred: [DeferredSettlement] = []
  /// Counters to which something is being returned, with how many times that is.
  private var returning: [String: Int] = [:]
  /// Counters that may be wrong because a change was not confirmed.
  private var unverified: Set<String> = []
  private var used: [String: UsedCounter] = [:]
  private var epoch: (name: String?, since: UInt64) = (nil, 0)

  // MARK: Reserving

  /// Serves a call from prefetched quota; false when that is not enough.
  mutating func reserveFromQuota(_ reservation: Reservation, at now: UInt64) -> Bool {
    guard firstUnusable(reservation) == nil else { return false }
    let needs = reservation.keys.indices.map { (key: reservation.keys[$0], amount: reservation.amount($0)) }
    guard let generations = quota.take(needs, at: now) else { return false }
    open[reservation.call] = OpenReservation(reservation: reservation, generations: generations)
    return true
  }

  /// The first counter that has to be rebuilt before the store is asked.
  func firstUnusable(_ reservation: Reservation) -> Int? {
    if unverified.isEmpty, rebuilding.isEmpty { return nil }
    return reservation.keys.firstIndex { unverified.contains($0) || rebuilding.contains($0) }
  }

  /// Takes what there is of the quota; the store is asked for the rest.
  mutating func takeParts(_ reservation: Reservation) -> [QuotaPart] {
    reservation.keys.indices.map { index in
      let part = quota.takePart(reservation.keys[index], of: reservation.amount(index))
      return QuotaPart(taken: part.taken, generation: part.generation)
    }
  }

  /// The store has answered. Returns what to do now, and what has to be returned to the store because the quota that
  /// it was taken from is gone.
  mutating func received(
    _ reply: ReserveReply, for reservation: Reservation, parts: [QuotaPart], at now: UInt64
  ) -> (step: ReserveStep, returns: [QuotaReturn]) {
    switch reply {
    case .reserved(let grants):
      for (index, grant) in grants.enumerated() {
        quota.granted(
          reservation.keys[index], generation: grant.generation, extra: grant.extra, value: grant.value,
          limit: reservation.counters[index].limit, at: now)
      }
      open[reservation.call] = OpenReservation(reservation: reservation, generations: grants.map(\.generation))
      for counter in reservation.counters { noteUse(counter, at: now) }
      // A counter of which nothing was known may be a new one that lacks what was reserved before.
      let unknown = parts.indices.filter { parts[$0].generation == 0 }
      return (.reserved(unknown.map { (reservation.keys[$0], grants[$0].generation) }), [])
    case .exhausted(let index, let value):
      let returns = putBack(reservation, parts)
      let unused = max(0, quota.available(reservation.keys[index]))
      return (
        .exhausted(
          BudgetShortage(
            counter: reservation.counters[index], spent: value.subtractingClamped(unused),
            wanted: reservation.amount(index))), returns
      )
    case .missing(let index): return (.rebuild(index, isAttempt: true), putBack(reservation, parts))
    case .building(let index): return (.rebuild(index, isAttempt: false), putBack(reservation, parts))
    case .unreturned(let index):
      // A process has ended without returning its quota: the ledger knows what it has spent.
      let returns = putBack(reservation, parts)
      markUnverified([reservation.keys[index]])
      return (.retry, returns)
    case .otherGeneration(let index, let generation):
      let returns = putBack(reservation, parts)
      quota.drop(reservation.keys[index])
      return (.addOpen(key: reservation.keys[index], generation: generation), returns)
    }
  }

  /// The answer of the store has not arrived: it may have reserved all the same.
  mutating func requestFailed(_ reservation: Reservation, parts: [QuotaPart]) -> [QuotaReturn] {
    let returns = putBack(reservation, parts)
    markUnverified(reservation.keys)
    return returns
  }

  private mutating func putBack(_ reservation: Reservation, _ parts: [QuotaPart]) -> [QuotaReturn] {
    var returns: [QuotaReturn] = []
    for (key, part) in zip(reservation.keys, parts)
    where !quota.putBack(key, generation: part.generation, part.taken) {
      returns.append(QuotaReturn(key: key, generation: part.generation, reserved: part.taken, used: 0))
    }
    return returns
  }

  private mutating func noteUse(_ counter: BudgetCounter, at now: UInt64) {
    let key = counter.key
    if used[key] == nil, used.count >= BudgetStateMachine.usedMax { return }
    used[key, default: UsedCounter(counter: counter)].usedAt = now
  }

  /// Another process has rebuilt a counter without knowing of our open reservations. Returns their sum, which is to be
  /// added to it; from now on they belong to that generation.
  mutating func openReservationsMissing(in key: String, generation: Int64) -> Int64 {
    var sum: Int64 = 0
    for (call, entry) in open {
      guard let index = entry.reservation.keys.firstIndex(of: key), entry.generations[index] != generation else {
        continue
      }
      open[call]?.generations[index] = generation
      sum = sum.addingClamped(entry.reservation.amount(index))
    }
    return sum
  }

  // MARK: Settling

  /// A call has ended. Returns what has to be returned to the store and which counters are beyond their alert
  /// threshold; nothing when it has ended before, or when a counter is being rebuilt: then `endRebuild` settles it.
  mutating func settle(_ reservation: Reservation, used amounts: BudgetAmounts, at now: UInt64) -> Settled {
    guard let entry = open[reservation.call], !entry.isSettled else { return Settled() }
    open[reservation.call]?.isSettled = true
    return settleOrDefer(reservation, amounts, at: now)
  }

  /// A call has used something after it was settled.
  mutating func charge(_ reservation: Reservation, used amounts: BudgetAmounts, at now: UInt64) -> Settled {
    settleOrDefer(reservation, amounts, at: now)
  }

  private mutating func settleOrDefer(
    _ reservation: Reservation, _ amounts: BudgetAmounts, at now: UInt64
  ) -> Settled {
    if !rebuilding.isEmpty, reservation.keys.contains(where: { rebuilding.contains($0) }) {
      deferred.append(DeferredSettlement(reservation: reservation, used: amounts))
      return Settled()
    }
    return close(reservation, amounts, at: now)
  }

  private mutating func close(_ reservation: Reservation, _ amounts: BudgetAmounts, at now: UInt64) -> Settled {
    let generations = open.removeValue(forKey: reservation.call)?.generations
    var settled = Settled()
    for (index, key) in reservation.keys.enumerated() {
      let counter = reservation.counters[index]
      let used = amounts[counter.unit]
      let reserved = reservation.amount(index)
      // Charged later: whichever generation there is now.
      let generation = generations?[index] ?? quota.generation(key) ?? 0
      switch quota.settle(key, generation: generation, difference: reserved.subtractingClamped(used), at: now) {
      case .kept: break
      case .excess(let excess):
        settled.returns.append(QuotaReturn(key: key, generation: generation, reserved: excess, used: 0))
      case .unknown:
        settled.returns.append(QuotaReturn(key: key, generation: generation, reserved: reserved, used: used))
      }
      if let spent = quota.spent(key), counter.isBeyondAlert(spent) { settled.alerts.append(counter) }
    }
    return settled
  }

  /// Something is on its way to the store.
  mutating func beginReturn(_ keys: [String]) {
    for key in keys { returning[key, default: 0] += 1 }
  }

  /// It has arrived, or not.
  mutating func endReturn(_ keys: [String], isConfirmed: Bool) {
    for key in keys {
      let others = (returning[key] ?? 1) - 1
      returning[key] = others > 0 ? others : nil
    }
    if !isConfirmed { markUnverified(keys) }
  }

  /// Whether something is on its way to one of these counters.
  func isReturning(_ keys: [String]) -> Bool { !returning.isEmpty && keys.contains { returning[$0] != nil } }

  /// Counters whose value in the store may be wrong; they are rebuilt before their next use.
  mutating func markUnverified(_ keys: [String]) {
    for key in keys {
      unverified.insert(key)
      quota.drop(key)
    }
  }

  // MARK: Rebuilding

  /// How a rebuild begins.
  enum RebuildStart: Sendable, Equatable {
    /// This call rebuilds it. A counter that is `unverified` is thrown away first.
    case begin(isUnverified: Bool)
    /// Another call of this process does.
    case waitForOther
  }

  /// A call needs a counter that has to be rebuilt.
  mutating func beginRebuild(_ key: String) -> RebuildStart {
    guard rebuilding.insert(key).inserted else { return .waitForOther }
    quota.drop(key)
    return .begin(isUnverified: unverified.contains(key))
  }

  /// Whether a call of this process rebuilds a counter.
  func isRebuilding(_ key: String) -> Bool { rebuilding.contains(key) }

  /// A counter in the store is there, or being built by another process.
  mutating func markVerified(_ key: String) { unverified.remove(key) }

  /// The open reservations that have to be in a counter that is being built and are not yet.
  func reservationsToInclude(in key: String, generation: Int64) -> [IncludedReservation] {
    open.values.compactMap { entry in
      guard let index = entry.reservation.keys.firstIndex(of: key), entry.generations[index] != generation else {
        return nil
      }
      return IncludedReservation(call: entry.reservation.call, index: index, amount: entry.reservation.amount(index))
    }
  }

  /// All calls that have reserved something in a counter: what the ledger says of them is not final.
  func openCalls(in key: String) -> [UUID] {
    open.values.filter { $0.reservation.keys.contains(key) }.map(\.reservation.call)
  }

  /// A counter was built by this process; `isInPlace` is false when another one has replaced it.
  mutating func built(_ key: String, generation: Int64, including: [IncludedReservation], isInPlace: Bool) {
    unverified.remove(key)
    guard isInPlace else { return }
    quota.drop(key)
    for included in including { open[included.call]?.generations[included.index] = generation }
  }

  /// A rebuild is over, well or not. Settles what has waited for it.
  mutating func endRebuild(_ key: String, at now: UInt64) -> Settled {
    rebuilding.remove(key)
    let waits = rebuilding
    let ready = deferred.filter { !$0.reservation.keys.contains { waits.contains($0) } }
    deferred.removeAll { !$0.reservation.keys.contains { waits.contains($0) } }
    var settled = Settled()
    for one in ready {
      let part = close(one.reservation, one.used, at: now)
      settled.returns += part.returns
      settled.alerts += part.alerts
    }
    return settled
  }

  // MARK: Sweeping

  /// Counters that another process may have rebuilt since.
  var keysToCheck: [String] {
    var keys = Set(quota.keys)
    for entry in open.values { keys.formUnion(entry.reservation.keys) }
    return keys.subtracting(rebuilding).subtracting(unverified).sorted()
  }

  /// The generation of a counter in the store, 0 when there is none. Returns whether open reservations may be missing
  /// in it.
  mutating func observed(_ key: String, generation: Int64) -> Bool {
    guard !rebuilding.contains(key) else { return false }
    if let known = quota.generation(key), known != generation { quota.drop(key) }
    return generation != 0
  }

  /// The quota that was not used since a time, to be returned.
  mutating func releaseQuota(unusedSince time: UInt64) -> [(key: String, generation: Int64, amount: Int64)] {
    quota.release(unusedSince: time)
  }

  /// Counters in use that were not compared with the ledger for the longest time.
  mutating func countersToVerify(at now: UInt64) -> [BudgetCounter] {
    used = used.filter { now &- $0.value.usedAt < BudgetStateMachine.verifiedNanoseconds }
    let some = used.values.sorted { $0.verifiedAt < $1.verifiedAt }.prefix(BudgetStateMachine.verifiedMax)
    for one in some { used[one.counter.key]?.verifiedAt = now }
    return some.map(\.counter)
  }

  /// The store has named its epoch. Returns since when it is known not to have lost anything.
  mutating func observedEpoch(_ name: String?, at now: UInt64) -> UInt64 {
    if epoch.name != name { epoch = (name, now) }
    return epoch.since
  }
}

extension BudgetCounter {
  /// Whether a call that ends with this much spent is beyond the alert threshold.
  fileprivate func isBeyondAlert(_ spent: Int64) -> Bool {
    limit > 0 && Double(spent) / Double(limit) * 100 >= Double(budget.alertPercent)
  }
}
