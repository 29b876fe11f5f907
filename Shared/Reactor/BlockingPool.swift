internal import Dispatch
internal import Synchronization

/// A few threads for work that blocks (files, name look-ups, password hashes), with a bounded queue.
public final class BlockingPool: Sendable {
  private struct State {
    var queue: [@Sendable () -> Void] = []
    var workers = 0
  }

  private let state = Mutex(State())
  private let threadsMax: Int
  private let queuedMax: Int
  private let threads = DispatchQueue(label: "blocking work", attributes: .concurrent)

  /// Makes a pool; threads run while there is work. More than `queuedMax` waiting jobs are refused.
  public init(threadsMax: Int = 4, queuedMax: Int = 1024) {
    self.threadsMax = threadsMax
    self.queuedMax = queuedMax
  }

  /// The pool that the reactor itself uses for name look-ups.
  public static let shared = BlockingPool()

  /// Runs `body` on a thread of the pool. Throws `ReactorError.overloaded` when the queue is full.
  public func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
      let accepted = submit { continuation.resume(with: Result { try body() }) }
      if !accepted { continuation.resume(throwing: ReactorError(.overloaded, operation: "blocking work")) }
    }
  }

  private func submit(_ job: @escaping @Sendable () -> Void) -> Bool {
    let (accepted, needsWorker) = state.withLock { state in
      guard state.queue.count < queuedMax else { return (false, false) }
      state.queue.append(job)
      guard state.workers < threadsMax else { return (true, false) }
      state.workers += 1
      return (true, true)
    }
    if needsWorker { threads.async { [self] in work() } }
    return accepted
  }

  /// Runs jobs until there is none.
  private func work() {
    while true {
      let job: (@Sendable () -> Void)? = state.withLock { state in
        guard state.queue.isEmpty else { return state.queue.removeFirst() }
        state.workers -= 1
        return nil
      }
      guard let job else { return }
      job()
    }
  }
}
