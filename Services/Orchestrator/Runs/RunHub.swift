internal import Contracts
internal import Primitives
internal import Reactor
internal import Synchronization

/// Tells waiting readers of this process that a run has moved on. A hint only: readers look again by themselves now and then, so
/// that they also see what other replicas have written.
final class RunHub: Sendable {
  private struct Waiter {
    let loop: EventLoop
    let promise: Promise<Void>
  }

  /// How long a reader trusts that nobody else has written.
  static let lookAgain = Duration.seconds(1)

  private let waiters = Mutex<[RunID: [Waiter]]>([:])

  /// Waits until `run` moves on, at most `lookAgain` and never beyond `deadline` (monotonic nanoseconds).
  func wait(for run: RunID, until deadline: UInt64) async throws {
    guard let loop = EventLoop.current else { preconditionFailure("a reader off its loop") }
    let promise = Promise<Void>(on: loop)
    waiters.withLock { $0[run, default: []].append(Waiter(loop: loop, promise: promise)) }
    let limit = min(deadline, MonotonicClock.now() &+ UInt64(RunHub.lookAgain.nanoseconds))
    do {
      try await promise.value(deadline: limit)
    } catch is ReactorError {
      forget(promise, run)
    } catch {
      forget(promise, run)
      throw error
    }
  }

  /// Wakes the readers of a run.
  func moved(_ run: RunID) {
    guard let woken = waiters.withLock({ $0.removeValue(forKey: run) }) else { return }
    for waiter in woken { waiter.loop.execute { waiter.promise.succeed(()) } }
  }

  private func forget(_ promise: Promise<Void>, _ run: RunID) {
    waiters.withLock { waiters in
      waiters[run]?.removeAll { $0.promise === promise }
      if waiters[run]?.isEmpty == true { waiters[run] = nil }
    }
  }
}

/// Wakes workers that wait for steps, the longest waiting first.
final class WorkBell: Sendable {
  private struct Waiter {
    let loop: EventLoop
    let promise: Promise<Void>
  }

  /// How long a waiting worker trusts that no other replica has made a step ready.
  static let lookAgain = Duration.milliseconds(500)

  private let waiters = Mutex<[Waiter]>([])

  /// Waits for a ring, at most `lookAgain` and never beyond `deadline`.
  func wait(until deadline: UInt64) async throws {
    guard let loop = EventLoop.current else { preconditionFailure("a worker's request off its loop") }
    let promise = Promise<Void>(on: loop)
    waiters.withLock { $0.append(Waiter(loop: loop, promise: promise)) }
    do {
      try await promise.value(deadline: min(deadline, MonotonicClock.now() &+ UInt64(WorkBell.lookAgain.nanoseconds)))
    } catch {
      waiters.withLock { $0.removeAll { $0.promise === promise } }
      if error is ReactorError { return }
      throw error
    }
  }

  /// Wakes up to `count` workers.
  func ring(_ count: Int) {
    let woken = waiters.withLock { waiters in
      let woken = Array(waiters.prefix(count))
      waiters.removeFirst(woken.count)
      return woken
    }
    for waiter in woken { waiter.loop.execute { waiter.promise.succeed(()) } }
  }
}
