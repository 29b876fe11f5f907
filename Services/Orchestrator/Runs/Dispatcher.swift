internal import Contracts
internal import Primitives
internal import Reactor
internal import Synchronization
internal import SystemSources
internal import Telemetry

/// Hands steps of the queue to the workers that wait. All waiting workers of this process share one claim, so that
/// their number does not load the database, and one claim is in flight at a time. Steps that become ready while
/// somebody waits for them do not come here at all: see `Handout`.
///
/// `@unchecked Sendable`: its state is confined to its loop; `ring` only schedules onto it.
final class Dispatcher: @unchecked Sendable {
  /// How long a waiting worker trusts that it is told of new steps: other replicas' notices may get lost.
  private static let giveBackTriesMax = 20
  private static let lookAgain = Duration.seconds(1)
  /// How long steps are left to the replica that queued them: it knows their runs. A little more than the claim
  /// demands.
  private static let leftToOthers = Duration.milliseconds(6)
  /// How long the oldest bucket is taken for granted. What is committed late behind it waits that long at most.
  private static let bucketNanoseconds: UInt64 = 1_000_000_000
  /// Steps of one claim.
  private static let claimMax = 128
  /// Job types that something is remembered of.
  private static let typesMax = 1000
  /// How many steps are looked for when nobody knows how many there are.
  static let unknownSteps = 16
  /// How long steps are kept for a worker that is about to ask again.
  private static let keptFor = Duration.milliseconds(250)

  /// The workers that wait.
  let board = SlotBoard()
  private let loop: EventLoop
  private let store: RunStore
  private let metrics: RunMetrics
  private let logger: Logger
  private var nextNumber = 0
  /// Steps whose worker was answered before they were committed.
  private var kept: [String: [LeasedStep]] = [:]
  private var isClaiming = false
  private var wasRung = false
  /// Counts the news, so that a look at the queue is known to be older than them.
  private var news = 0
  /// The news behind which nothing of a job type was in the queue.
  private var seenEmpty: [String: Int] = [:]
  /// Steps that are in the queue as far as this process knows.
  private var expected = 0
  /// The oldest bucket of each job type that may still have steps, and when all were looked at last.
  private var oldest: [String: (bucket: Int32, at: UInt64)] = [:]
  /// How far the claims of each job type have come.
  private var passes: [String: ClaimPass] = [:]
  /// The job types of which steps wait for a limit or lock, and whether there are any.
  private var blocked: Set<String> = []
  private let hasBlocked = Atomic(false)
  private var leased: @Sendable (LeasedStep, String) -> Void = { _, _ in }

  init(loop: EventLoop, store: RunStore, metrics: RunMetrics, logger: Logger) {
    self.logger = logger
    self.loop = loop
    self.store = store
    self.metrics = metrics
  }

  /// Calls `body` for every step that is leased. To be set before the first lease.
  func onLease(_ body: @escaping @Sendable (LeasedStep, String) -> Void) { leased = body }

  /// Says that there may be new steps in the queue: about so many.
  func ring(_ steps: Int = Dispatcher.unknownSteps) { loop.execute { [self] in rung(steps) } }

  /// Says that leases have ended, which may let other steps go on that waited for their slots. Returns whether any were
  /// seen waiting.
  @discardableResult
  func released() -> Bool {
    guard hasBlocked.load(ordering: .relaxed) else { return false }
    ring(1)
    return true
  }

  private func rung(_ steps: Int) {
    news += 1
    expected += steps
    look()
  }

  /// Ends all waits, those to come as well: their workers shall ask another replica.
  func drain() {
    loop.execute { [self] in
      for entry in board.close() { entry.promise.succeed([]) }
    }
  }

  /// Says that another replica has new steps. They are left to its own workers for a moment.
  func ringLater() {
    loop.execute { [self] in
      _ = loop.schedule(after: Dispatcher.leftToOthers) { [self] in rung(Dispatcher.unknownSteps) }
    }
  }

  /// Gives reserved slots back, and their workers what was found for them.
  func deliver(_ shares: [SlotShare]) {
    guard !shares.isEmpty else { return }
    loop.execute { [self] in
      for share in shares { settle(share) }
      if shares.contains(where: { $0.steps.isEmpty }) { look() }
    }
  }

  private func settle(_ share: SlotShare) {
    let (ready, left) = board.settle(share.number, reserved: share.reserved, share.steps)
    if let ready { answer(ready, ready.steps) }
    guard !left.isEmpty else { return }
    // The worker was given something by another commit just now, and is about to ask for more: it has room for it.
    if let other = board.remove(named: share.worker, for: left) {
      answer(other, left)
    } else if board.isClosed {
      giveBack(left)
    } else {
      keep(left, for: share.worker)
    }
  }

  private func answer(_ entry: WaitingWorker, _ steps: [LeasedStep]) {
    if !steps.isEmpty, entry.promise.isSettled { return giveBack(steps) }
    entry.promise.succeed(steps)
  }

  /// Keeps steps until their worker asks again, for a moment.
  private func keep(_ steps: [LeasedStep], for worker: String) {
    kept[worker, default: []] += steps
    let ids = Set(steps.map(\.token))
    _ = loop.schedule(after: Dispatcher.keptFor) { [self] in
      guard let left = kept[worker]?.filter({ ids.contains($0.token) }), !left.isEmpty else { return }
      kept[worker]?.removeAll { ids.contains($0.token) }
      if kept[worker]?.isEmpty == true { kept[worker] = nil }
      giveBack(left)
    }
  }

  private func takeKept(_ worker: String, _ jobTypes: [String], _ slots: Int) -> [LeasedStep] {
    guard let all = kept[worker] else { return [] }
    let fitting = Array(all.filter { jobTypes.contains($0.jobType) }.prefix(slots))
    let tokens = Set(fitting.map(\.token))
    let left = all.filter { !tokens.contains($0.token) }
    kept[worker] = left.isEmpty ? nil : left
    return fitting
  }

  /// Ends leases whose worker has gone. When the database has gone as well, it is tried again for a while; then they
  /// run out.
  func giveBack(_ steps: [LeasedStep]) {
    if steps.isEmpty { return }
    loop.task { [self] in
      for _ in 0..<Dispatcher.giveBackTriesMax {
        do { return try await store.giveBack(steps) } catch {
          do { try await EventLoop.sleep(for: .milliseconds(500)) } catch { return }
        }
      }
    }
  }

  /// Leases up to `slots` steps to a worker, waiting up to `deadline` (monotonic nanoseconds) for some.
  func lease(
    worker: String, jobTypes: [String], slots: Int, milliseconds: Int64, until deadline: UInt64
  ) async throws -> [LeasedStep] {
    let waiting = loop.task { [self] in
      try await wait(worker: worker, jobTypes: jobTypes, slots: slots, milliseconds: milliseconds, until: deadline)
    }
    // A worker that has gone must not be given anything.
    return try await withTaskCancellationHandler {
      try await waiting.value
    } onCancel: {
      waiting.cancel()
    }
  }

  private func wait(
    worker: String, jobTypes: [String], slots: Int, milliseconds: Int64, until deadline: UInt64
  ) async throws -> [LeasedStep] {
    let waiting = takeKept(worker, jobTypes, slots)
    if !waiting.isEmpty { return waiting }
    let number = nextNumber
    nextNumber += 1
    let promise = Promise<[LeasedStep]>(on: loop)
    let entry = WaitingWorker(
      number: number, worker: worker, jobTypes: jobTypes, slots: slots, milliseconds: milliseconds, deadline: deadline,
      promise: promise, free: slots)
    guard board.add(entry) else { return [] }
    if jobTypes.contains(where: { seenEmpty[$0] != news }) { look() }
    // With something under way for it, the answer comes with that.
    let timer = loop.schedule(at: deadline) { [board] in board.giveUp(number)?.promise.succeed([]) }
    defer { loop.cancel(timer) }
    do {
      return try await promise.value()
    } catch {
      board.remove(number)
      throw error
    }
  }

  /// Looks now and then even if nobody rang: for steps that other replicas made ready.
  func lookPeriodically() async {
    while !Task.isCancelled {
      do { try await EventLoop.sleep(for: Dispatcher.lookAgain) } catch { return }
      ring(0)
    }
  }

  private func look() {
    if isClaiming {
      wasRung = true
      return
    }
    guard !board.jobTypes.isEmpty else { return }
    isClaiming = true
    loop.task { [self] in await claimAll() }
  }

  private func claimAll() async {
    repeat {
      wasRung = false
      for type in board.jobTypes where seenEmpty[type] != news {
        var pass = passes[type] ?? ClaimPass()
        pass.begin()
        // A full claim leaves more behind, and one that was cut off has not seen everything.
        while let isFull = await claim(type, &pass), isFull || pass.goesOn {}
        passes[type] = pass
      }
    } while wasRung
    isClaiming = false
  }

  /// Claims steps of one type for those who wait for it. `nil` when nobody does or the database failed; true when there
  /// may be more.
  private func claim(_ type: String, _ pass: inout ClaimPass) async -> Bool? {
    // No more workers than are needed are kept from what becomes ready meanwhile.
    let slots = board.reserve(type, count: expected + 1, countMax: Dispatcher.claimMax)
    guard let first = slots.first else { return nil }
    var shares: [SlotShare] = []
    for slot in slots { shares.reserve(slot) }
    defer { for share in shares { settle(share) } }
    do {
      let started = MonotonicClock.now()
      let newsBefore = news
      if oldest.count > Dispatcher.typesMax {
        oldest = [:]
        seenEmpty = [:]
        passes = [:]
        blocked = []
      }
      let known = oldest[type].flatMap { started < $0.at &+ Dispatcher.bucketNanoseconds ? $0.bucket : nil }
      let look = pass.look(slots.count, from: known ?? 0)
      let claimed = try await store.claim(
        jobType: type, workers: slots.map(\.worker), milliseconds: first.milliseconds, look)
      pass.saw(claimed, look)
      let steps = claimed.steps
      let isWhole = look.tenant == ClaimLook.start
      if known == nil, isWhole {
        // Without any step, what comes is newer than what was there before.
        oldest[type] = (claimed.oldest ?? oldest[type]?.bucket ?? 0, started)
      }
      let isFull = steps.count == slots.count
      let isEmpty = isWhole && claimed.oldest == nil && !claimed.hasBlocked && look.blockedTenant == ClaimLook.start
      seenEmpty[type] = isEmpty ? newsBefore : nil
      if claimed.hasBlocked { blocked.insert(type) } else if !pass.goesOn { blocked.remove(type) }
      hasBlocked.store(!blocked.isEmpty, ordering: .relaxed)
      expected = isFull ? max(Dispatcher.claimMax, expected - steps.count) : 0
      board.backlogged(type, isFull)
      for step in steps where slots.indices.contains(step.slot) {
        let slot = slots[step.slot]
        leased(step, slot.worker)
        metrics.leased(step.waitedMicroseconds, isHanded: false)
        shares.fill(slot, with: step)
      }
      return isFull
    } catch {
      logger.warning("steps could not be claimed", ["reason": .string("\(error)")])
      return nil
    }
  }
}
