internal import Glibc
internal import Synchronization

/// A few threads for work that blocks (files, name look-ups, password hashes), with a bounded queue.
public final class BlockingPool: Sendable {
  private struct State {
    var queue: [@Sendable () -> Void] = []
    var threads = 0
    var idle = 0
  }

  private let state = Mutex(State())
  private let threadsMax: Int
  private let queuedMax: Int
  private let available = Semaphore()

  /// Makes a pool; threads start when needed. More than `queuedMax` waiting jobs are refused.
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
    let (accepted, start) = state.withLock { state in
      guard state.queue.count < queuedMax else { return (false, false) }
      state.queue.append(job)
      guard state.idle < state.queue.count, state.threads < threadsMax else { return (true, false) }
      state.threads += 1
      return (true, true)
    }
    if accepted { available.signal() }
    if start { startThread() }
    return accepted
  }

  private func startThread() {
    var thread = pthread_t()
    let context = Unmanaged.passRetained(self)
    pthread_create(
      &thread, nil,
      { pointer in
        guard let pointer else { return nil }
        let pool = Unmanaged<BlockingPool>.fromOpaque(pointer).takeRetainedValue()
        while true { pool.runOne() }
      }, context.toOpaque())
    pthread_detach(thread)
  }

  private func runOne() {
    state.withLock { $0.idle += 1 }
    available.wait()
    let job: (@Sendable () -> Void)? = state.withLock { state in
      state.idle -= 1
      return state.queue.isEmpty ? nil : state.queue.removeFirst()
    }
    job?()
  }
}

/// A counting semaphore at a fixed address.
///
/// `@unchecked Sendable`: POSIX semaphores may be used from any thread.
private final class Semaphore: @unchecked Sendable {
  private let semaphore: UnsafeMutablePointer<sem_t>

  init() {
    semaphore = .allocate(capacity: 1)
    sem_init(semaphore, 0, 0)
  }

  deinit {
    sem_destroy(semaphore)
    semaphore.deallocate()
  }

  func signal() { sem_post(semaphore) }

  func wait() { while sem_wait(semaphore) != 0 {} }
}
