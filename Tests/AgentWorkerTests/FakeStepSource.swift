import Synchronization
import Telemetry

@testable import AgentWorker

/// A source of steps whose answers a test gives.
final class FakeStepSource: StepSource {
  typealias Answer = (steps: [LeasedStep], unreadable: Int)

  /// A request that waits for its answer, or for its cancellation.
  final class Poll: Sendable {
    let slots: Int
    let wait: Duration
    private let pending = PendingEvent<Answer>()

    init(slots: Int, wait: Duration) {
      self.slots = slots
      self.wait = wait
    }

    func answer(_ steps: [LeasedStep], unreadable: Int = 0) { pending.resume(with: .success((steps, unreadable))) }
    func fail(_ error: any Error) { pending.resume(with: .failure(error)) }
    func value() async throws -> Answer { try await pending.value() }
  }

  struct NoAnswer: Error {}

  let polls: AsyncStream<Poll>
  /// What each request to end the waits is answered with: a result for each, then that they can be ended.
  private let ends: Mutex<[Result<Bool, any Error>]>
  /// One for each request to end the waits.
  let endings: AsyncStream<Void>
  private let arrivals: AsyncStream<Poll>.Continuation
  private let requests: AsyncStream<Void>.Continuation
  private let waiting = Mutex<[Poll]>([])
  /// Whether requests that wait are answered when their end is asked for.
  private let answersWaiting: Bool

  init(ends: [Result<Bool, any Error>] = [], answersWaiting: Bool = true) {
    (polls, arrivals) = AsyncStream.makeStream()
    (endings, requests) = AsyncStream.makeStream()
    self.ends = Mutex(ends)
    self.answersWaiting = answersWaiting
  }

  func endWaits() async throws -> Bool {
    requests.yield()
    let answer = ends.withLock { $0.isEmpty ? .success(true) : $0.removeFirst() }
    guard try answer.get(), answersWaiting else { return try answer.get() }
    for poll in waiting.withLock({ $0 }) { poll.answer([]) }
    return true
  }

  func lease(slots: Int, wait: Duration) async throws -> Answer {
    let poll = Poll(slots: slots, wait: wait)
    waiting.withLock { $0.append(poll) }
    arrivals.yield(poll)
    return try await poll.value()
  }
}

/// Something that happens once, when a test says so; or its waiter is cancelled.
final class PendingEvent<Value: Sendable>: Sendable {
  private enum State {
    case open
    case waited(CheckedContinuation<Value, any Error>)
    case over(Result<Value, any Error>)
  }

  private let state = Mutex(State.open)

  func resume(with result: Result<Value, any Error>) {
    let waiter = state.withLock { state -> CheckedContinuation<Value, any Error>? in
      if case .over = state { return nil }
      defer { state = .over(result) }
      if case .waited(let continuation) = state { return continuation }
      return nil
    }
    waiter?.resume(with: result)
  }

  func value() async throws -> Value {
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let known = state.withLock { state -> Result<Value, any Error>? in
          if case .over(let result) = state { return result }
          state = .waited(continuation)
          return nil
        }
        if let known { continuation.resume(with: known) }
      }
    } onCancel: {
      resume(with: .failure(CancellationError()))
    }
  }
}

/// A clock that stands still: each sleep is shown to the test, which ends it.
final class StandingClock: WorkerClock {
  struct Sleep: Sendable {
    let delay: Duration
    private let end: PendingEvent<Void>

    init(_ delay: Duration, _ end: PendingEvent<Void>) {
      self.delay = delay
      self.end = end
    }

    func finish() { end.resume(with: .success(())) }
  }

  let sleeps: AsyncStream<Sleep>
  private let begun: AsyncStream<Sleep>.Continuation

  init() { (sleeps, begun) = AsyncStream.makeStream() }

  func now() -> UInt64 { 0 }

  func sleep(for delay: Duration) async throws {
    let end = PendingEvent<Void>()
    begun.yield(Sleep(delay, end))
    try await end.value()
  }
}
