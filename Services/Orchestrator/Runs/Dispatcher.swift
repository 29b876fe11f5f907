internal import Contracts
internal import Primitives
internal import Reactor

/// Hands steps to the workers that wait. All waiting workers of this process share one claim, so that their number does
/// not load the database, and one claim is in flight at a time.
///
/// `@unchecked Sendable`: its state is confined to its loop; `ring` only schedules onto it.
final class Dispatcher: @unchecked Sendable {
  /// How long a waiting worker trusts that it is told of new steps: other replicas' notices may get lost.
  private static let lookAgain = Duration.seconds(1)
  /// How long steps are left to the replica that queued them: it knows their runs. A little more than the claim
  /// demands.
  private static let leftToOthers = Duration.milliseconds(6)
  /// How long the oldest bucket is taken for granted. What is committed late behind it waits that long at most.
  private static let bucketNanoseconds: UInt64 = 1_000_000_000
  /// Steps of one claim.
  private static let claimMax = 128

  private struct Waiting {
    let number: Int
    let worker: String
    let jobTypes: [String]
    let slots: Int
    let milliseconds: Int64
    let deadline: UInt64
    let promise: Promise<[LeasedStep]>
  }

  private let loop: EventLoop
  private let store: RunStore
  private let metrics: RunMetrics
  private var waiting: [Waiting] = []
  private var nextNumber = 0
  private var isClaiming = false
  private var wasRung = false
  /// The oldest bucket of each job type that may still have steps, and when all were looked at last.
  private var oldest: [String: (bucket: Int32, at: UInt64)] = [:]
  private var isDraining = false
  private var leased: @Sendable (LeasedStep, String) -> Void = { _, _ in }

  init(loop: EventLoop, store: RunStore, metrics: RunMetrics) {
    self.loop = loop
    self.store = store
    self.metrics = metrics
  }

  /// Calls `body` for every step that is leased. To be set before the first lease.
  func onLease(_ body: @escaping @Sendable (LeasedStep, String) -> Void) { leased = body }

  /// Says that there may be new steps.
  func ring() { loop.execute { [self] in look() } }

  /// Ends all waits, those to come as well: their workers shall ask another replica.
  func drain() {
    loop.execute { [self] in
      isDraining = true
      for entry in waiting { entry.promise.succeed([]) }
      waiting = []
    }
  }

  /// Says that another replica has new steps. They are left to its own workers for a moment.
  func ringLater() {
    loop.execute { [self] in _ = loop.schedule(after: Dispatcher.leftToOthers) { [self] in look() } }
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
    if isDraining { return [] }
    let number = nextNumber
    nextNumber += 1
    let promise = Promise<[LeasedStep]>(on: loop)
    let entry = Waiting(
      number: number, worker: worker, jobTypes: jobTypes, slots: min(slots, Dispatcher.claimMax),
      milliseconds: milliseconds, deadline: deadline, promise: promise)
    waiting.append(entry)
    look()
    let timer = loop.schedule(at: deadline) { [weak self] in self?.giveUp(entry) }
    defer { loop.cancel(timer) }
    do {
      return try await promise.value()
    } catch {
      waiting.removeAll { $0.number == number }
      throw error
    }
  }

  /// Ends a wait in vain. One whose claim is in flight ends with the claim.
  private func giveUp(_ entry: Waiting) {
    guard waiting.contains(where: { $0.number == entry.number }) else { return }
    waiting.removeAll { $0.number == entry.number }
    entry.promise.succeed([])
  }

  /// Looks now and then even if nobody rang: for steps that other replicas made ready.
  func lookPeriodically() async {
    while !Task.isCancelled {
      do { try await EventLoop.sleep(for: Dispatcher.lookAgain) } catch { return }
      ring()
    }
  }

  private func look() {
    if isClaiming {
      wasRung = true
      return
    }
    guard !waiting.isEmpty else { return }
    isClaiming = true
    loop.task { [self] in await claimAll() }
  }

  private func claimAll() async {
    repeat {
      wasRung = false
      var types: [String] = []
      for entry in waiting { for type in entry.jobTypes where !types.contains(type) { types.append(type) } }
      for type in types {
        // A full claim leaves more behind.
        while let isFull = await claim(type), isFull {}
      }
    } while wasRung && !waiting.isEmpty
    isClaiming = false
  }

  /// Claims steps of one type for those who wait for it. `nil` when nobody does or the database failed; true when there
  /// may be more.
  private func claim(_ type: String) async -> Bool? {
    var takers: [Waiting] = []
    var workers: [String] = []
    var owners: [Int] = []
    for entry in waiting where entry.jobTypes.contains(type) && workers.count < Dispatcher.claimMax {
      takers.append(entry)
      for _ in 0..<min(entry.slots, Dispatcher.claimMax - workers.count) {
        workers.append(entry.worker)
        owners.append(takers.count - 1)
      }
    }
    guard let first = takers.first else { return nil }
    let numbers = Set(takers.map(\.number))
    waiting.removeAll { numbers.contains($0.number) }
    do {
      let started = MonotonicClock.now()
      let known = oldest[type].flatMap { started < $0.at &+ Dispatcher.bucketNanoseconds ? $0.bucket : nil }
      let (steps, bucket) = try await store.lease(
        jobType: type, workers: workers, milliseconds: first.milliseconds, from: known ?? 0)
      if known == nil {
        // Without any step, what comes is newer than what was there before.
        oldest[type] = (bucket ?? oldest[type]?.bucket ?? 0, started)
      }
      var shares = [[LeasedStep]](repeating: [], count: takers.count)
      for step in steps where owners.indices.contains(step.slot) {
        leased(step, workers[step.slot])
        metrics.leased(step.waitedMicroseconds)
        shares[owners[step.slot]].append(step)
      }
      var unwanted: [LeasedStep] = []
      let now = MonotonicClock.now()
      for (taker, share) in zip(takers, shares) {
        if taker.promise.isSettled {
          unwanted += share
        } else if share.isEmpty, now < taker.deadline, !isDraining {
          waiting.append(taker)
        } else {
          taker.promise.succeed(share)
        }
      }
      waiting.sort { $0.number < $1.number }
      // Their workers have gone while the claim was under way.
      if !unwanted.isEmpty { try await store.giveBack(unwanted) }
      return steps.count == workers.count
    } catch {
      for taker in takers { taker.promise.fail(error) }
      return nil
    }
  }
}
