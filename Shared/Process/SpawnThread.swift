internal import Dispatch
internal import Glibc
internal import Synchronization

/// The one thread that forks. The kernel ties a child's "parent has died" signal to the thread that forked it, not to
/// the process, so children must be started by a thread that lives as long as the process; a queue's threads do not.
enum SpawnThread {
  private struct Job: Sendable {
    let work: @Sendable () -> Outcome
    let done: Completion
  }

  /// The process id, or -1 and why.
  struct Outcome: Sendable {
    let process: Int32
    let reason: Int32
  }

  private static let queue = Mutex<[Job]>([])
  private static let arrived = DispatchSemaphore(value: 0)
  private static let isStarted: Bool = {
    var thread = pthread_t()
    let failure = pthread_create(
      &thread, nil,
      { _ in
        while true {
          SpawnThread.arrived.wait()
          let job = SpawnThread.queue.withLock { $0.isEmpty ? nil : $0.removeFirst() }
          if let job { job.done.complete(job.work()) }
        }
      }, nil)
    if failure == 0 { pthread_detach(thread) }
    return failure == 0
  }()

  /// Runs `work` there and returns what it returned.
  static func run(_ work: @escaping @Sendable () -> Outcome) -> Outcome {
    guard isStarted else { return Outcome(process: -1, reason: EAGAIN) }
    let job = Job(work: work, done: Completion())
    queue.withLock { $0.append(job) }
    arrived.signal()
    return job.done.wait()
  }

  /// One outcome, passed from one thread to another.
  private final class Completion: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)
    private let outcome = Mutex(Outcome(process: -1, reason: ECANCELED))

    func complete(_ value: Outcome) {
      outcome.withLock { $0 = value }
      semaphore.signal()
    }

    func wait() -> Outcome {
      semaphore.wait()
      return outcome.withLock { $0 }
    }
  }
}
