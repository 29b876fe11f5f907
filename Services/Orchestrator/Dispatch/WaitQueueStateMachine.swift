package import Contracts
package import RunStorage

/// The workers that wait for steps at this process, in the order in which they asked, with the slots that are reserved
/// of each. A slot is reserved before a step is leased, so that no worker gets a step that it has no room for.
///
/// Pure: `WorkerSlotRegistry` and `Dispatcher` perform the actions that the inputs return. `Reply` is how a worker is
/// answered.
package struct WaitQueueStateMachine<Reply: Sendable>: Sendable {
  /// How long steps of a tenant go through the ready queue after one of its limits was met.
  private static var limitedNanoseconds: UInt64 { 30_000_000_000 }
  /// Tenants with limits that are remembered.
  private static var limitedTenantsMax: Int { 10_000 }

  private struct Waiter: Sendable {
    let number: Int
    let poll: WorkerPoll
    let reply: Reply
    /// Slots that nobody has reserved.
    var free: Int
    /// Steps that it gets when it is answered.
    var steps: [LeasedStep] = []
    /// The worker ends: it is answered as soon as nothing is under way for it.
    var isLeaving = false

    /// Whether no claim or commit looks for steps for it.
    var isIdle: Bool { free == poll.slots }
  }

  private struct KeptStep: Sendable {
    let batch: Int
    let step: LeasedStep
  }

  private var waiters: [Waiter] = []
  private var nextNumber = 0
  private var kept: [String: [KeptStep]] = [:]
  private var nextBatch = 0
  private var backloggedTypes: Set<String> = []
  /// Until when, in monotonic nanoseconds.
  private var limitedTenants: [TenantID: UInt64] = [:]
  private var isClosed = false

  /// An empty queue.
  package init() {}

  // MARK: Workers come and go

  /// What a worker that asks for steps gets.
  package enum EnqueueAction {
    /// It waits, under this number.
    case wait(Int)
    /// It is answered at once, with steps that were kept for it, or with none when nobody is to wait any more.
    case answer([LeasedStep])
  }

  /// A worker asks for steps.
  package mutating func enqueue(_ poll: WorkerPoll, _ reply: Reply) -> EnqueueAction {
    let steps = takeKept(poll)
    if !steps.isEmpty || isClosed { return .answer(steps) }
    let number = nextNumber
    nextNumber += 1
    waiters.append(Waiter(number: number, poll: poll, reply: reply, free: poll.slots))
    return .wait(number)
  }

  /// The deadline of a worker has passed. Returns how it is answered; `nil` when slots of it are reserved: then the
  /// answer comes with their grant.
  package mutating func deadlinePassed(_ number: Int) -> Reply? {
    guard let place = waiters.firstIndex(where: { $0.number == number }), waiters[place].isIdle else { return nil }
    return waiters.remove(at: place).reply
  }

  /// A worker has gone.
  package mutating func disconnected(_ number: Int) { waiters.removeAll { $0.number == number } }

  /// A worker ends and takes nothing new. Returns how its requests are answered for which nothing is under way, and the
  /// steps that were kept for it. Other requests get what is under way for them in their answers. Processes that share
  /// the name ask again.
  package mutating func leave(_ worker: String) -> (idle: [Reply], kept: [LeasedStep]) {
    for place in waiters.indices where waiters[place].poll.worker == worker { waiters[place].isLeaving = true }
    let idle = waiters.filter { $0.isLeaving && $0.isIdle }.map(\.reply)
    waiters.removeAll { $0.isLeaving && $0.isIdle }
    return (idle, kept.removeValue(forKey: worker)?.map(\.step) ?? [])
  }

  /// Nobody is to wait any more. Returns how those are answered for whom nothing is under way.
  package mutating func close() -> [Reply] {
    isClosed = true
    let idle = waiters.filter(\.isIdle).map(\.reply)
    waiters.removeAll(where: \.isIdle)
    return idle
  }

  // MARK: Slots

  /// Reserves free slots of workers that do the job type, the one that waits longest first and each worker as a whole,
  /// until there are `count` of them; never more than `countMax`.
  package mutating func reserve(_ jobType: String, count: Int, countMax: Int) -> [ReservedSlot] {
    var slots: [ReservedSlot] = []
    for place in waiters.indices where slots.count < count {
      guard waiters[place].poll.jobTypes.contains(jobType) else { continue }
      while slots.count < countMax, let slot = takeSlot(place) { slots.append(slot) }
    }
    return slots
  }

  /// Reserves a slot for a step that has just become ready. `nil` when nobody has a free one, when older steps of the
  /// type wait in the ready queue, or when a limit of the tenant was met lately: limits are counted by claims.
  package mutating func reserve(_ jobType: String, for tenant: TenantID, now: UInt64) -> ReservedSlot? {
    guard !backloggedTypes.contains(jobType), !isLimited(tenant, now) else { return nil }
    for place in waiters.indices where waiters[place].poll.jobTypes.contains(jobType) {
      if let slot = takeSlot(place) { return slot }
    }
    return nil
  }

  private mutating func takeSlot(_ place: Int) -> ReservedSlot? {
    guard !isClosed, !waiters[place].isLeaving, waiters[place].free > 0 else { return nil }
    waiters[place].free -= 1
    return ReservedSlot(
      waiter: waiters[place].number, worker: waiters[place].poll.worker,
      leaseMilliseconds: waiters[place].poll.leaseMilliseconds)
  }

  /// What becomes of a grant.
  package enum GrantAction {
    /// The worker goes on waiting.
    case wait
    /// A worker is answered.
    case answer(Reply, [LeasedStep])
    /// Nobody will take these steps.
    case release([LeasedStep])
    /// The worker was answered a moment ago and is about to ask again: the steps are kept for it. `keepExpired` follows
    /// after a while.
    case keep(worker: String, batch: Int)
  }

  /// A claim or commit gives the slots back that it reserved, with the steps that it found for some of them.
  package mutating func settle(_ grant: SlotGrant, now: UInt64) -> GrantAction {
    guard let place = waiters.firstIndex(where: { $0.number == grant.waiter }) else { return deliverLate(grant) }
    waiters[place].free += grant.reserved
    waiters[place].steps += grant.steps
    let waiter = waiters[place]
    // A worker that cannot ask again gets all that is under way for it in one answer.
    let isAnswered =
      isClosed || waiter.isLeaving
      ? waiter.isIdle : !waiter.steps.isEmpty || (waiter.isIdle && now >= waiter.poll.deadline)
    guard isAnswered else { return .wait }
    waiters.remove(at: place)
    return .answer(waiter.reply, waiter.steps)
  }

  /// The worker of a grant does not wait under that number any more.
  private mutating func deliverLate(_ grant: SlotGrant) -> GrantAction {
    guard !grant.steps.isEmpty else { return .wait }
    // Another commit has answered it, and it has asked again.
    let place = waiters.firstIndex { waiter in
      waiter.poll.worker == grant.worker && waiter.isIdle && waiter.poll.slots >= grant.steps.count
        && grant.steps.allSatisfy { waiter.poll.jobTypes.contains($0.jobType) }
    }
    if let place { return .answer(waiters.remove(at: place).reply, grant.steps) }
    if isClosed { return .release(grant.steps) }
    let batch = nextBatch
    nextBatch += 1
    kept[grant.worker, default: []] += grant.steps.map { KeptStep(batch: batch, step: $0) }
    return .keep(worker: grant.worker, batch: batch)
  }

  // MARK: Kept steps

  /// The time is over in which a worker should have asked again. Returns the steps of the batch that it did not take.
  package mutating func keepExpired(_ worker: String, batch: Int) -> [LeasedStep] {
    guard let steps = kept[worker] else { return [] }
    let left = steps.filter { $0.batch != batch }
    kept[worker] = left.isEmpty ? nil : left
    return steps.filter { $0.batch == batch }.map(\.step)
  }

  private mutating func takeKept(_ poll: WorkerPoll) -> [LeasedStep] {
    guard !kept.isEmpty, let steps = kept[poll.worker] else { return [] }
    var taken: [LeasedStep] = []
    var left: [KeptStep] = []
    for entry in steps {
      if taken.count < poll.slots, poll.jobTypes.contains(entry.step.jobType) {
        taken.append(entry.step)
      } else {
        left.append(entry)
      }
    }
    kept[poll.worker] = left.isEmpty ? nil : left
    return taken
  }

  // MARK: The ready queue

  /// A limit of the tenant was met: its steps go through the ready queue for a while.
  package mutating func limitMet(_ tenant: TenantID, now: UInt64) {
    if limitedTenants.count >= Self.limitedTenantsMax { limitedTenants.removeAll() }
    limitedTenants[tenant] = now &+ Self.limitedNanoseconds
  }

  private mutating func isLimited(_ tenant: TenantID, _ now: UInt64) -> Bool {
    guard !limitedTenants.isEmpty, let until = limitedTenants[tenant] else { return false }
    if now < until { return true }
    limitedTenants[tenant] = nil
    return false
  }

  /// A claim has seen whether more steps of the type are ready than there are slots for.
  package mutating func setBacklogged(_ jobType: String, _ isBacklogged: Bool) {
    if isBacklogged { backloggedTypes.insert(jobType) } else { backloggedTypes.remove(jobType) }
  }

  /// The job types that somebody with a free slot waits for.
  package var wantedJobTypes: [String] {
    var types: [String] = []
    for waiter in waiters where waiter.free > 0 && !waiter.isLeaving {
      for type in waiter.poll.jobTypes where !types.contains(type) { types.append(type) }
    }
    return types
  }
}
