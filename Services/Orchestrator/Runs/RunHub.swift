internal import Contracts
internal import Primitives
internal import Reactor
internal import Synchronization
internal import SystemSources

/// A place in a line of waiting readers. It is taken before one looks, so that what happens between looking and waiting
/// is not missed.
struct Ticket: Sendable {
  fileprivate let promise: Promise<Void>
  fileprivate let leave: @Sendable () -> Void
  fileprivate let lookAgain: Duration

  /// Waits until called, at most `lookAgain` and never beyond `deadline` (monotonic nanoseconds).
  func wait(until deadline: UInt64) async throws {
    defer { leave() }
    do {
      try await promise.value(deadline: min(deadline, MonotonicClock.now() &+ UInt64(lookAgain.nanoseconds)))
    } catch is ReactorError {
      // Time to look again.
    }
  }

  /// Gives the place up.
  func cancel() { leave() }
}

private struct Waiter: Sendable {
  let loop: EventLoop
  let promise: Promise<Void>
  /// Only the end of the run is of interest.
  let isForEnd: Bool

  init(isForEnd: Bool = false) {
    // Requests are answered on loops only: the server has no other threads, whatever is sent to it.
    guard let loop = EventLoop.current else { preconditionFailure("waiting off a loop") }
    self.loop = loop
    self.isForEnd = isForEnd
    promise = Promise(on: loop)
  }

  func call() { loop.execute { promise.succeed(()) } }
}

/// Tells waiting readers of this process that a run has moved on. A hint only: readers look again by themselves now and
/// then, so that they also see what other replicas have written.
final class RunHub: Sendable {
  private static let lookAgain = Duration.seconds(1)
  private let waiters = Mutex<[RunID: [Waiter]]>([:])
  private let draining = Atomic<Bool>(false)
  private let onReader: @Sendable () -> Void

  /// Calls `onReader` whenever somebody takes a place.
  init(onReader: @escaping @Sendable () -> Void) { self.onReader = onReader }

  /// Whether readers shall go on at another replica.
  var isDraining: Bool { draining.load(ordering: .relaxed) }

  /// Sends all readers away.
  func drain() {
    draining.store(true, ordering: .relaxed)
    movedAll()
  }

  /// Takes a place among the readers of `run`, or of its end alone.
  func ticket(for run: RunID, isForEnd: Bool = false) -> Ticket {
    let waiter = Waiter(isForEnd: isForEnd)
    waiters.withLock { $0[run, default: []].append(waiter) }
    onReader()
    return Ticket(promise: waiter.promise, leave: { [self] in forget(waiter, run) }, lookAgain: RunHub.lookAgain)
  }

  /// Wakes the readers of a run; those of its end only when it may have ended.
  func moved(_ run: RunID, mayHaveEnded: Bool = true) {
    let woken = waiters.withLock { waiters -> [Waiter] in
      guard let all = waiters[run] else { return [] }
      let staying = mayHaveEnded ? [] : all.filter(\.isForEnd)
      waiters[run] = staying.isEmpty ? nil : staying
      return staying.isEmpty ? all : all.filter { !$0.isForEnd }
    }
    for waiter in woken { waiter.call() }
  }

  /// Wakes the readers of every run.
  func movedAll() {
    let woken = waiters.withLock { waiters in
      defer { waiters.removeAll() }
      return waiters.values.flatMap { $0 }
    }
    for waiter in woken { waiter.call() }
  }

  private func forget(_ waiter: Waiter, _ run: RunID) {
    waiters.withLock { waiters in
      waiters[run]?.removeAll { $0.promise === waiter.promise }
      if waiters[run]?.isEmpty == true { waiters[run] = nil }
    }
  }
}

/// Wakes those who wait for something to happen, the longest waiting first.
final class Bell: Sendable {
  private static let lookAgain = Duration.seconds(1)
  private let waiters = Mutex<[Waiter]>([])

  /// Takes a place in the line.
  func ticket() -> Ticket {
    let waiter = Waiter()
    waiters.withLock { $0.append(waiter) }
    return Ticket(
      promise: waiter.promise,
      leave: { [self] in waiters.withLock { $0.removeAll { $0.promise === waiter.promise } } },
      lookAgain: Bell.lookAgain)
  }

  /// Wakes up to `count` of them.
  func ring(_ count: Int) {
    let woken = waiters.withLock { waiters in
      let woken = Array(waiters.prefix(count))
      waiters.removeFirst(woken.count)
      return woken
    }
    for waiter in woken { waiter.call() }
  }
}
