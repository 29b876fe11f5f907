internal import Contracts
internal import Primitives
package import Reactor
package import RunStorage
internal import Synchronization
internal import SystemSources
package import Telemetry

/// Leases steps of the ready queue to the workers that wait. All waiting workers of this process share one claim, so
/// that their number does not load the database. A step that becomes ready while a worker waits for it does not come
/// here at all: see `EagerDispatch`.
///
/// `@unchecked Sendable`: its state is confined to its loop; `wake` only schedules onto it.
package final class Dispatcher: @unchecked Sendable {
  private static let releaseTriesMax = 20
  private static let releasePause = Duration.milliseconds(500)
  /// How often the queue is read without a notification: those of other replicas may get lost.
  private static let pollInterval = Duration.seconds(1)
  /// How long steps are left to the replica that queued them: it knows their runs. A little more than the claim
  /// demands.
  private static let otherReplicaDelay = Duration.milliseconds(6)
  /// How many steps are looked for when nobody knows how many there are.
  package static let unknownSteps = 16
  /// How long steps are kept for a worker that is about to ask again.
  private static let keepDuration = Duration.milliseconds(250)

  /// The workers that wait.
  package let slots: WorkerSlotRegistry
  private let loop: EventLoop
  private let queue: any StepQueue
  private let logger: Logger
  private let now: @Sendable () -> UInt64
  private let onLease: @Sendable (LeasedStep, String) -> Void
  private var claims = ClaimStateMachine()
  private let hasBlocked = Atomic(false)

  /// A dispatcher on `loop` that calls `onLease` with every step that it leases and the worker that gets it. `now`
  /// gives monotonic nanoseconds.
  package init(
    loop: EventLoop, queue: some StepQueue, logger: Logger,
    now: @escaping @Sendable () -> UInt64 = { MonotonicClock.now() },
    onLease: @escaping @Sendable (LeasedStep, String) -> Void
  ) {
    self.loop = loop
    self.queue = queue
    self.logger = logger
    self.now = now
    self.onLease = onLease
    slots = WorkerSlotRegistry(now: now)
  }

  // MARK: Notifications

  /// Notifies that there may be new steps in the queue: about so many.
  package func wake(_ steps: Int = Dispatcher.unknownSteps) { loop.execute { [self] in notified(steps) } }

  /// Notifies that leases have ended, which may unblock steps that wait for their slots. Returns whether any were seen
  /// waiting.
  @discardableResult
  package func leasesEnded() -> Bool {
    guard hasBlocked.load(ordering: .relaxed) else { return false }
    wake(1)
    return true
  }

  /// Notifies that another replica has new steps. They are left to its own workers for a moment.
  package func wakeForOtherReplica() {
    loop.execute { [self] in
      _ = loop.schedule(after: Dispatcher.otherReplicaDelay) { [self] in notified(Dispatcher.unknownSteps) }
    }
  }

  private func notified(_ steps: Int) {
    claims.notified(steps: steps)
    claimSoon()
  }

  /// Reads the queue now and then without a notification, until cancelled.
  package func pollPeriodically() async {
    while !Task.isCancelled {
      do { try await EventLoop.sleep(for: Dispatcher.pollInterval) } catch { return }
      wake(0)
    }
  }

  // MARK: Workers

  /// Leases steps to a worker; waits for some until the deadline of its poll.
  package func lease(_ poll: WorkerPoll) async throws -> [LeasedStep] {
    let waiting = loop.task { [self] in try await wait(poll) }
    // A worker that has gone must not be given anything.
    return try await withTaskCancellationHandler {
      try await waiting.value
    } onCancel: {
      waiting.cancel()
    }
  }

  private func wait(_ poll: WorkerPoll) async throws -> [LeasedStep] {
    let reply = Promise<[LeasedStep]>(on: loop)
    switch slots.enqueue(poll, reply) {
    case .answer(let steps): return steps
    case .wait(let number):
      if poll.jobTypes.contains(where: claims.mayHaveSteps) { claimSoon() }
      let timer = loop.schedule(at: poll.deadline) { [slots] in slots.deadlinePassed(number)?.succeed([]) }
      defer { loop.cancel(timer) }
      do {
        return try await reply.value()
      } catch {
        slots.disconnected(number)
        throw error
      }
    }
  }

  /// Ends all waits, those to come as well: their workers shall ask another replica.
  package func drain() {
    loop.execute { [self] in
      for reply in slots.close() { reply.succeed([]) }
    }
  }

  /// A worker ends: its requests for leases are answered now, with what is under way for them.
  package func workerLeaves(_ worker: String) {
    loop.execute { [self] in
      let (idle, kept) = slots.leave(worker)
      for reply in idle { reply.succeed([]) }
      releaseUndelivered(kept)
    }
  }

  /// Gives reserved slots back, and their workers the steps that were found for them.
  package func deliver(_ grants: SlotGrants) {
    let grants = grants.grants
    guard !grants.isEmpty else { return }
    loop.execute { [self] in
      for grant in grants { settle(grant) }
      if grants.contains(where: \.steps.isEmpty) { claimSoon() }
    }
  }

  private func settle(_ grant: SlotGrant) {
    switch slots.settle(grant) {
    case .wait: break
    case .answer(let reply, let steps):
      if !steps.isEmpty, reply.isSettled { releaseUndelivered(steps) } else { reply.succeed(steps) }
    case .release(let steps): releaseUndelivered(steps)
    case .keep(let worker, let batch):
      _ = loop.schedule(after: Dispatcher.keepDuration) { [self] in
        releaseUndelivered(slots.keepExpired(worker, batch: batch))
      }
    }
  }

  /// Ends leases whose worker has gone. When the database has gone as well, it is tried again for a while; then they
  /// expire.
  package func releaseUndelivered(_ steps: [LeasedStep]) {
    if steps.isEmpty { return }
    loop.task { [self] in
      for _ in 0..<Dispatcher.releaseTriesMax {
        do { return try await queue.releaseUndelivered(steps) } catch {
          do { try await EventLoop.sleep(for: Dispatcher.releasePause) } catch { return }
        }
      }
    }
  }

  // MARK: Claims

  private func claimSoon() {
    guard claims.requestRound(hasWaiters: !slots.wantedJobTypes.isEmpty) else { return }
    loop.task { [self] in await claimAll() }
  }

  private func claimAll() async {
    repeat {
      claims.beginRound()
      for jobType in slots.wantedJobTypes where claims.mayHaveSteps(jobType) {
        claims.beginScan(jobType)
        // A full claim leaves more behind, and one that was cut off has not read everything.
        while let isFull = await claim(jobType), isFull || claims.mayFindMore {}
        claims.endScan(jobType)
      }
    } while claims.endRound()
  }

  /// Claims steps of one type for those who wait for it. `nil` when nobody does or the database failed; true when there
  /// may be more.
  private func claim(_ jobType: String) async -> Bool? {
    let reserved = slots.reserve(jobType, count: claims.slotsWanted, countMax: ClaimStateMachine.stepsMax)
    guard let first = reserved.first else { return nil }
    var grants = SlotGrants()
    for slot in reserved { grants.reserve(slot) }
    defer { for grant in grants.grants { settle(grant) } }
    do {
      let claim = claims.claim(jobType, count: reserved.count, now: now())
      let claimed = try await queue.claim(
        jobType: jobType, workers: reserved.map(\.worker), milliseconds: first.leaseMilliseconds, claim.scan)
      let isFull = claims.claimed(claimed, by: claim, slots: reserved.count)
      hasBlocked.store(claims.hasBlocked, ordering: .relaxed)
      slots.setBacklogged(jobType, isFull)
      for step in claimed.steps where reserved.indices.contains(step.slot) {
        let slot = reserved[step.slot]
        onLease(step, slot.worker)
        grants.fill(slot, with: step)
      }
      return isFull
    } catch {
      logger.warning("steps could not be claimed", ["reason": .string("\(error)")])
      return nil
    }
  }
}
