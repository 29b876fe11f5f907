import Budgets
import Primitives
import Testing

@testable import Spending

/// The rules of budgets: inputs and what the guard has to do. Nothing here reads a clock.
@Suite struct BudgetStateMachineTests {
  static func counter(_ id: String = "b", limit: Int64 = 1000, unit: BudgetCounter.Unit = .tokens) -> BudgetCounter {
    let budget = Budget(
      id: id, tenant: "t", scope: .tenant, subject: "", period: .total, tokens: unit == .tokens ? limit : nil,
      nanoUSD: unit == .nanoUSD ? limit : nil)
    return budget.counters(for: CallSubjects(tenant: "t"), at: 0)[0]
  }

  static func reservation(_ number: UInt64, _ counters: [BudgetCounter], tokens: Int64 = 10) -> Reservation {
    Reservation(call: UUID(high: 1, low: number), counters: counters, tokens: tokens, nanoUSD: 5 * tokens)
  }

  private let counter = Self.counter()
  private var key: String { counter.key }
  private let second: UInt64 = 1_000_000_000

  /// A machine in which one reservation was granted with quota for further ones.
  private func granted(
    extra: Int64 = 100, generation: Int64 = 7
  ) -> (machine: BudgetStateMachine, reservation: Reservation) {
    var machine = BudgetStateMachine()
    let reservation = Self.reservation(1, [counter])
    let parts = machine.takeParts(reservation)
    _ = machine.received(
      .reserved([ReserveReply.Grant(generation: generation, extra: extra, value: 10 + extra)]), for: reservation,
      parts: parts, at: 0)
    return (machine, reservation)
  }

  @Test func `a call is served from quota for a second, then the store is asked`() {
    var (machine, _) = granted()
    #expect(machine.reserveFromQuota(Self.reservation(2, [counter]), at: second - 1) == true)
    #expect(machine.reserveFromQuota(Self.reservation(3, [counter]), at: second) == false)
    #expect(machine.takeParts(Self.reservation(3, [counter])) == [QuotaPart(taken: 10, generation: 7)])
  }

  @Test func `the first grant of a counter has the guard look for earlier reservations`() {
    var machine = BudgetStateMachine()
    let reservation = Self.reservation(1, [counter, Self.counter("c")])
    let parts = machine.takeParts(reservation)
    #expect(parts == [QuotaPart(taken: 0, generation: 0), QuotaPart(taken: 0, generation: 0)])
    let grants = [7, 8].map { ReserveReply.Grant(generation: $0, extra: 0, value: 10) }
    let (step, returns) = machine.received(.reserved(grants), for: reservation, parts: parts, at: 0)
    guard case .reserved(let unknown) = step else {
      Issue.record("\(step)")
      return
    }
    #expect(unknown.map(\.generation) == [7, 8] && returns.isEmpty)
    // With quota of the same generation nothing can be missing.
    let next = Self.reservation(2, [counter, Self.counter("c")])
    let known = machine.takeParts(next)
    guard case .reserved(let none) = machine.received(.reserved(grants), for: next, parts: known, at: 0).step else {
      Issue.record("not reserved")
      return
    }
    #expect(none.isEmpty)
  }

  @Test func `a shortage names what is spent without the quota of this process`() {
    var (machine, _) = granted(extra: 3)
    let large = Self.reservation(2, [counter], tokens: 50)
    let parts = machine.takeParts(large)
    #expect(parts == [QuotaPart(taken: 3, generation: 7)])
    let (step, returns) = machine.received(.exhausted(0, value: 990), for: large, parts: parts, at: 1)
    guard case .exhausted(let shortage) = step else {
      Issue.record("\(step)")
      return
    }
    #expect(shortage == BudgetShortage(counter: counter, spent: 987, wanted: 50))
    #expect(returns.isEmpty, "the quota is back in its place")
    #expect(machine.reserveFromQuota(Self.reservation(3, [counter], tokens: 3), at: 1) == true)
  }

  @Test func `what was taken of quota that is gone since is returned to the store`() {
    var (machine, _) = granted(extra: 3)
    let large = Self.reservation(2, [counter], tokens: 50)
    let parts = machine.takeParts(large)
    machine.markUnverified([key])
    #expect(
      machine.requestFailed(large, parts: parts) == [QuotaReturn(key: key, generation: 7, reserved: 3, used: 0)])
  }

  @Test(arguments: [ReserveReply.missing(0), .building(0), .unreturned(0), .otherGeneration(0, 9)])
  func `each other reply has its own step`(_ reply: ReserveReply) {
    var (machine, _) = granted()
    let reservation = Self.reservation(2, [counter], tokens: 500)
    let parts = machine.takeParts(reservation)
    switch (reply, machine.received(reply, for: reservation, parts: parts, at: 1).step) {
    case (.missing, .rebuild(0, isAttempt: true)), (.building, .rebuild(0, isAttempt: false)): break
    case (.unreturned, .retry): #expect(machine.firstUnusable(reservation) == 0, "it is rebuilt before it is used")
    case (.otherGeneration, .addOpen(let key, 9)):
      #expect(key == self.key)
      #expect(
        machine.reserveFromQuota(Self.reservation(3, [counter]), at: 1) == false,
        "quota of the old one is worth nothing")
    case (_, let step): Issue.record("\(reply): \(step)")
    }
  }

  @Test func `open reservations move to the generation of another process once`() {
    var (machine, reservation) = granted()
    #expect(machine.openReservationsMissing(in: key, generation: 7) == 0)
    #expect(machine.openReservationsMissing(in: key, generation: 9) == 10)
    #expect(machine.openReservationsMissing(in: key, generation: 9) == 0)
    let settled = machine.settle(reservation, used: BudgetAmounts(tokens: 4, nanoUSD: 0), at: 1)
    #expect(settled.returns == [QuotaReturn(key: key, generation: 9, reserved: 10, used: 4)])
  }

  @Test func `a call is settled once`() {
    var (machine, reservation) = granted(extra: 0)
    let used = BudgetAmounts(tokens: 4, nanoUSD: 20)
    // A twentieth of what is left may be kept; 6 of 990 is less.
    #expect(machine.settle(reservation, used: used, at: 1).returns.isEmpty)
    #expect(machine.settle(reservation, used: used, at: 1).returns.isEmpty)
    #expect(machine.releaseQuota(unusedSince: .max).map(\.amount) == [6])
  }

  @Test func `each unit is settled by its own amount`() {
    let money = Self.counter("m", unit: .nanoUSD)
    var machine = BudgetStateMachine()
    let reservation = Self.reservation(1, [counter, money])
    let parts = machine.takeParts(reservation)
    let grants = [ReserveReply.Grant(generation: 7, extra: 0, value: 10), .init(generation: 8, extra: 0, value: 50)]
    _ = machine.received(.reserved(grants), for: reservation, parts: parts, at: 0)
    machine.markUnverified([counter.key, money.key])
    #expect(
      machine.settle(reservation, used: BudgetAmounts(tokens: 1, nanoUSD: 2), at: 1).returns == [
        QuotaReturn(key: counter.key, generation: 7, reserved: 10, used: 1),
        QuotaReturn(key: money.key, generation: 8, reserved: 50, used: 2),
      ])
  }

  @Test func `what ends during a rebuild is settled after it, in the new counter`() {
    var (machine, reservation) = granted()
    #expect(machine.beginRebuild(key) == .begin(isUnverified: false))
    #expect(machine.beginRebuild(key) == .waitForOther)
    #expect(machine.settle(reservation, used: BudgetAmounts(tokens: 4, nanoUSD: 0), at: 1).returns.isEmpty)
    #expect(machine.openCalls(in: key) == [reservation.call], "the ledger's row of it is left out")
    let included = machine.reservationsToInclude(in: key, generation: 9)
    #expect(included == [IncludedReservation(call: reservation.call, index: 0, amount: 10)])
    machine.built(key, generation: 9, including: included, isInPlace: true)
    let settled = machine.endRebuild(key, at: 2)
    #expect(settled.returns == [QuotaReturn(key: key, generation: 9, reserved: 10, used: 4)])
    #expect(machine.openCalls(in: key).isEmpty)
    #expect(machine.endRebuild(key, at: 2).returns.isEmpty)
  }

  @Test func `a rebuild whose counter was replaced moves nothing`() {
    var (machine, reservation) = granted()
    _ = machine.beginRebuild(key)
    let included = machine.reservationsToInclude(in: key, generation: 9)
    machine.built(key, generation: 9, including: included, isInPlace: false)
    _ = machine.endRebuild(key, at: 1)
    #expect(machine.reservationsToInclude(in: key, generation: 7).isEmpty)
    #expect(machine.openCalls(in: key) == [reservation.call])
  }

  @Test func `a settlement of two counters waits until both are rebuilt`() {
    let other = Self.counter("c")
    var machine = BudgetStateMachine()
    let reservation = Self.reservation(1, [counter, other])
    let parts = machine.takeParts(reservation)
    let grants = [7, 8].map { ReserveReply.Grant(generation: $0, extra: 0, value: 10) }
    _ = machine.received(.reserved(grants), for: reservation, parts: parts, at: 0)
    _ = machine.beginRebuild(counter.key)
    _ = machine.beginRebuild(other.key)
    _ = machine.settle(reservation, used: BudgetAmounts(tokens: 4, nanoUSD: 0), at: 1)
    #expect(machine.endRebuild(counter.key, at: 1).returns.isEmpty)
    #expect(machine.endRebuild(other.key, at: 1).returns.count == 2)
  }

  @Test func `a later charge counts against what there is then`() {
    var (machine, reservation) = granted(extra: 0)
    _ = machine.settle(reservation, used: BudgetAmounts(tokens: 4, nanoUSD: 0), at: 1)
    let late = Self.reservation(2, [counter], tokens: 0)
    #expect(machine.charge(late, used: BudgetAmounts(tokens: 5, nanoUSD: 0), at: 1).returns.isEmpty)
    #expect(machine.releaseQuota(unusedSince: .max).map(\.amount) == [1])
    let later = machine.charge(late, used: BudgetAmounts(tokens: 5, nanoUSD: 0), at: 1)
    #expect(later.returns == [QuotaReturn(key: key, generation: 0, reserved: 0, used: 5)])
  }

  @Test func `a call beyond the alert threshold is noticed`() {
    let small = Self.counter(limit: 20)
    var machine = BudgetStateMachine()
    for (number, isAlert) in [(UInt64(1), false), (2, true)] {
      let reservation = Self.reservation(number, [small])
      let parts = machine.takeParts(reservation)
      let value = Int64(number) * 10
      _ = machine.received(
        .reserved([ReserveReply.Grant(generation: 7, extra: 0, value: value)]), for: reservation, parts: parts, at: 0)
      let settled = machine.settle(reservation, used: BudgetAmounts(tokens: 10, nanoUSD: 0), at: 0)
      #expect(settled.alerts.isEmpty != isAlert, "16 of 20 is the threshold")
    }
  }

  @Test func `what is on its way to the store is known until it has arrived`() {
    var machine = BudgetStateMachine()
    machine.beginReturn([key])
    machine.beginReturn([key])
    machine.endReturn([key], isConfirmed: true)
    #expect(machine.isReturning([key]))
    machine.endReturn([key], isConfirmed: false)
    #expect(!machine.isReturning([key]))
    #expect(machine.firstUnusable(Self.reservation(1, [counter])) == 0)
    machine.markVerified(key)
    #expect(machine.firstUnusable(Self.reservation(1, [counter])) == nil)
  }

  @Test func `a sweep drops the quota of counters that others have rebuilt`() {
    var (machine, _) = granted()
    #expect(machine.keysToCheck == [key])
    #expect(machine.observed(key, generation: 7) == true)
    #expect(machine.reserveFromQuota(Self.reservation(2, [counter]), at: 1) == true)
    #expect(machine.observed(key, generation: 9) == true)
    #expect(machine.reserveFromQuota(Self.reservation(3, [counter]), at: 1) == false)
    #expect(machine.observed(key, generation: 0) == false, "a counter that is missing takes nothing")
    _ = machine.beginRebuild(key)
    #expect(machine.keysToCheck.isEmpty)
    #expect(machine.observed(key, generation: 9) == false)
  }

  @Test func `counters are verified in turn, and forgotten when nobody uses them`() {
    var machine = BudgetStateMachine()
    for number in 0..<(BudgetStateMachine.verifiedMax + 5) {
      let counter = Self.counter("b\(number)")
      let reservation = Self.reservation(UInt64(number), [counter])
      let parts = machine.takeParts(reservation)
      _ = machine.received(
        .reserved([ReserveReply.Grant(generation: 7, extra: 0, value: 10)]), for: reservation, parts: parts,
        at: UInt64(number))
    }
    let first = Set(machine.countersToVerify(at: 100).map(\.key))
    let next = Set(machine.countersToVerify(at: 101).map(\.key))
    #expect(first.count == BudgetStateMachine.verifiedMax && next.subtracting(first).count == 5)
    #expect(machine.countersToVerify(at: 102 + BudgetStateMachine.verifiedNanoseconds).isEmpty)
  }

  @Test func `an epoch counts from when it was first seen`() {
    var machine = BudgetStateMachine()
    #expect(machine.observedEpoch("a", at: 5) == 5)
    #expect(machine.observedEpoch("a", at: 9) == 5)
    #expect(machine.observedEpoch("b", at: 12) == 12)
  }
}
