internal import Contracts
internal import Primitives
internal import Reactor
internal import Synchronization
internal import SystemSources

/// A worker that waits for steps.
struct WaitingWorker: Sendable {
  /// Its place in line.
  let number: Int
  let worker: String
  let jobTypes: [String]
  let slots: Int
  /// Life of its leases.
  let milliseconds: Int64
  /// When it stops waiting, in monotonic nanoseconds.
  let deadline: UInt64
  /// On the dispatcher's loop.
  let promise: Promise<[LeasedStep]>
  /// Slots that nobody has reserved.
  var free: Int
  /// Steps that it gets when nothing is reserved any more.
  var steps: [LeasedStep] = []
}

/// The slots of the workers that wait at this process. Claims and commits reserve slots before they look for steps, so
/// that nothing is leased to a worker that has no room for it; what they found is delivered by the dispatcher.
final class SlotBoard: Sendable {
  /// A slot that is reserved.
  struct Slot: Sendable {
    /// The waiting worker.
    let number: Int
    let worker: String
    /// Life of a lease.
    let milliseconds: Int64
  }

  /// How long steps of a tenant go through the queue after limits were seen of it.
  private static let limitedNanoseconds: UInt64 = 30_000_000_000
  private static let limitedMax = 10_000

  private struct State {
    var waiting: [WaitingWorker] = []
    var backlogged: Set<String> = []
    var limited: [TenantID: UInt64] = [:]
    var isClosed = false
  }

  private let state = Mutex(State())

  /// Puts a worker in line. False when nobody is to wait any more.
  func add(_ worker: WaitingWorker) -> Bool {
    state.withLock { state in
      guard !state.isClosed else { return false }
      state.waiting.append(worker)
      return true
    }
  }

  /// Reserves the free slots of workers that do the job type, the first in line first and each as a whole, until there
  /// are `count` of them; never more than `countMax`.
  func reserve(_ jobType: String, count: Int, countMax: Int) -> [Slot] {
    state.withLock { state in
      var slots: [Slot] = []
      for place in state.waiting.indices where slots.count < count {
        guard state.waiting[place].jobTypes.contains(jobType) else { continue }
        while slots.count < countMax, let slot = SlotBoard.take(place, &state) { slots.append(slot) }
      }
      return slots
    }
  }

  /// Reserves a slot for a step that has just become ready. `nil` when nobody is free, when steps of the type already
  /// stand in line for workers, or when limits have been seen of the tenant.
  func reserve(_ jobType: String, for tenant: TenantID) -> Slot? {
    state.withLock { state in
      guard !state.backlogged.contains(jobType), !SlotBoard.isLimited(tenant, &state) else { return nil }
      for place in state.waiting.indices where state.waiting[place].jobTypes.contains(jobType) {
        if let slot = SlotBoard.take(place, &state) { return slot }
      }
      return nil
    }
  }

  private static func take(_ place: Int, _ state: inout State) -> Slot? {
    guard !state.isClosed, state.waiting[place].free > 0 else { return nil }
    state.waiting[place].free -= 1
    let worker = state.waiting[place]
    return Slot(number: worker.number, worker: worker.worker, milliseconds: worker.milliseconds)
  }

  /// Gives reserved slots back, with the steps that were found for some of them. Returns the worker when it is to be
  /// answered now; the second result are steps whose worker does not wait any more.
  func settle(_ number: Int, reserved: Int, _ steps: [LeasedStep]) -> (answer: WaitingWorker?, left: [LeasedStep]) {
    state.withLock { state in
      guard let place = state.waiting.firstIndex(where: { $0.number == number }) else { return (nil, steps) }
      state.waiting[place].free += reserved
      state.waiting[place].steps += steps
      let worker = state.waiting[place]
      let isIdle = worker.free == worker.slots
      // Without a next time to ask, a worker gets all that is under way for it at once.
      let isAnswered =
        state.isClosed ? isIdle : !worker.steps.isEmpty || (isIdle && MonotonicClock.now() >= worker.deadline)
      guard isAnswered else { return (nil, []) }
      return (state.waiting.remove(at: place), [])
    }
  }

  /// Takes a worker out of line, unless something is under way for it.
  func giveUp(_ number: Int) -> WaitingWorker? {
    state.withLock { state in
      guard let place = state.waiting.firstIndex(where: { $0.number == number }),
        state.waiting[place].free == state.waiting[place].slots
      else { return nil }
      return state.waiting.remove(at: place)
    }
  }

  /// Takes a worker out of line that has gone.
  func remove(_ number: Int) { state.withLock { $0.waiting.removeAll { $0.number == number } } }

  /// Takes a worker of that name out of line that has room for the steps and does their types.
  func remove(named worker: String, for steps: [LeasedStep]) -> WaitingWorker? {
    state.withLock { state in
      let place = state.waiting.firstIndex { entry in
        entry.worker == worker && entry.free == entry.slots && entry.slots >= steps.count
          && steps.allSatisfy { entry.jobTypes.contains($0.jobType) }
      }
      return place.map { state.waiting.remove(at: $0) }
    }
  }

  /// Lets nobody wait any more. Returns those for whom nothing is under way.
  func close() -> [WaitingWorker] {
    state.withLock { state in
      state.isClosed = true
      let idle = state.waiting.filter { $0.free == $0.slots }
      state.waiting.removeAll { $0.free == $0.slots }
      return idle
    }
  }

  // MARK: What is known of the queue

  /// Whether limits have been seen of the tenant lately.
  private static func isLimited(_ tenant: TenantID, _ state: inout State) -> Bool {
    guard !state.limited.isEmpty, let until = state.limited[tenant] else { return false }
    if MonotonicClock.now() < until { return true }
    state.limited[tenant] = nil
    return false
  }

  /// Notes that limits apply to steps of the tenant, so that they go through the queue, where limits are counted.
  func limited(_ tenant: TenantID) {
    state.withLock { state in
      if state.limited.count >= SlotBoard.limitedMax { state.limited.removeAll() }
      state.limited[tenant] = MonotonicClock.now() &+ SlotBoard.limitedNanoseconds
    }
  }

  /// Notes whether more steps of the type wait than there are slots for.
  func backlogged(_ jobType: String, _ isBacklogged: Bool) {
    state.withLock { state in
      if isBacklogged {
        state.backlogged.insert(jobType)
      } else {
        state.backlogged.remove(jobType)
      }
    }
  }

  /// The job types that somebody with a free slot waits for.
  var jobTypes: [String] {
    state.withLock { state in
      var types: [String] = []
      for worker in state.waiting where worker.free > 0 {
        for type in worker.jobTypes where !types.contains(type) { types.append(type) }
      }
      return types
    }
  }

  var isClosed: Bool { state.withLock { $0.isClosed } }
}
