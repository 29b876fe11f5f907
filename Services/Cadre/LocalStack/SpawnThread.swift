internal import Glibc
internal import Synchronization

/// The one thread that forks. The kernel ties a child's "parent has died" signal to the thread that forked it, not to
/// the process, so children must be started by a thread that lives as long as the process.
enum SpawnThread {
  private struct Job: Sendable {
    let work: @Sendable () -> Int32
    let done: Handover
  }

  private static let queue = Mutex<[Job]>([])
  private static let arrived = Handover()
  private static let isStarted: Bool = {
    var thread = pthread_t()
    pthread_create(
      &thread, nil,
      { _ in
        while true {
          SpawnThread.arrived.wait()
          let job = SpawnThread.queue.withLock { $0.isEmpty ? nil : $0.removeFirst() }
          if let job { job.done.post(job.work()) }
        }
      }, nil)
    pthread_detach(thread)
    return true
  }()

  /// Runs `work` there and returns what it returned.
  static func run(_ work: @escaping @Sendable () -> Int32) -> Int32 {
    // Only makes sure that the thread was started, which happens here at the latest; the value is always true.
    precondition(isStarted, "no thread")
    let job = Job(work: work, done: Handover())
    queue.withLock { $0.append(job) }
    arrived.post(0)
    return job.done.wait()
  }
}

/// A number handed from one thread to another.
///
/// `@unchecked Sendable`: the semaphore orders the write before the read.
private final class Handover: @unchecked Sendable {
  private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
  private let value = Atomic<Int32>(0)

  init() { sem_init(semaphore, 0, 0) }

  deinit {
    sem_destroy(semaphore)
    semaphore.deallocate()
  }

  func post(_ number: Int32) {
    value.store(number, ordering: .releasing)
    sem_post(semaphore)
  }

  @discardableResult
  func wait() -> Int32 {
    while sem_wait(semaphore) != 0 {}
    return value.load(ordering: .acquiring)
  }
}
