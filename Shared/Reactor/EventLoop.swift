internal import CLinux
internal import Glibc
internal import Primitives
internal import Synchronization
internal import SystemSources

/// What a file descriptor is ready for.
public struct Readiness: OptionSet, Sendable {
  /// The bits of `epoll_event.events`.
  public let rawValue: UInt32

  /// Makes a set from `epoll` bits.
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// Bytes (or a connection, or the end of the stream) can be read.
  public static let readable = Readiness(rawValue: EPOLLIN.rawValue)
  /// Bytes can be written.
  public static let writable = Readiness(rawValue: EPOLLOUT.rawValue)
  /// The peer has closed its sending side.
  public static let peerClosed = Readiness(rawValue: EPOLLRDHUP.rawValue)
  /// The connection is broken or closed on both sides; always reported.
  public static let hangup = Readiness(rawValue: EPOLLHUP.rawValue | EPOLLERR.rawValue)
}

/// Receives the readiness events of a file descriptor. Called on the loop; must not block.
public protocol ReadinessHandler: AnyObject {
  /// The descriptor is ready for `events`.
  func ready(_ events: Readiness)
}

/// One thread that waits for sockets and timers (epoll) and is the executor of Swift tasks. It is no executor of
/// actors: a task that ran as one would leave it, and be queued anew, with every call.
///
/// Everything that belongs to a loop (sockets, pools, timers) is touched on its thread only, so it needs no locks. Code
/// that never blocks runs here with `async`/`await`; what blocks goes to a `BlockingPool`.
///
/// `@unchecked Sendable`: all mutable state but `remote` and `wakePending` is touched by the loop's own thread only.
public final class EventLoop: TaskExecutor, @unchecked Sendable {
  private enum Work: Sendable {
    case job(UnownedJob)
    case closure(@Sendable () -> Void)
  }

  private struct Watched {
    var handler: (any ReadinessHandler)?
    /// Distinguishes an event of this registration from one of an earlier user of the same descriptor number.
    var generation: UInt32
  }

  /// Turns of ready work between two looks at the sockets, so that busy tasks cannot starve them.
  private static let workRoundsPerTurnMax = 16
  private static let eventsPerPollMax = 256

  /// The position of this loop in its group.
  public let index: Int
  private let name: String
  /// Nanoseconds of the monotonic clock, read once per turn: good for deadlines, not for measuring short times.
  public private(set) var now: UInt64 = MonotonicClock.now()
  /// Turns made since the start, for the runtime metrics.
  public private(set) var turns: UInt64 = 0

  private let epoll: Int32
  private let wakeup: Int32
  private let remote = Mutex<[Work]>([])
  private let wakePending = Atomic<Bool>(false)
  private let stopRequested = Atomic<Bool>(false)
  private var local: [Work] = []
  private var running: [Work] = []
  private var endOfTurn: [() -> Void] = []
  private var endOfTurnRunning: [() -> Void] = []
  private var timers = TimerHeap()
  private var watched: [Watched] = []
  private var thread = pthread_t()
  /// Where sockets without a buffer are read into: what came is copied, and most messages are short. Used within one
  /// call on the loop.
  let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 16 * 1024, alignment: 16)

  /// Starts a loop on a thread of its own, named `name`.
  public init(index: Int = 0, name: String = "loop") {
    self.index = index
    self.name = name
    epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
    wakeup = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
    // At the start of the process only.
    precondition(epoll >= 0 && wakeup >= 0, "no epoll or eventfd: errno \(errno)")
    var event = epoll_event()
    event.events = EPOLLIN.rawValue
    event.data.u64 = UInt64(UInt32.max) << 32
    // At the start of the process only.
    precondition(epoll_ctl(epoll, EPOLL_CTL_ADD, wakeup, &event) == 0, "epoll_ctl: errno \(errno)")
    let start = Unmanaged.passRetained(self)
    let created = pthread_create(
      &thread, nil,
      { pointer in
        guard let pointer else { return nil }
        let loop = Unmanaged<EventLoop>.fromOpaque(pointer).takeRetainedValue()
        loop.run()
        return nil
      }, start.toOpaque())
    // At the start of the process only.
    precondition(created == 0, "no thread: \(created)")
  }

  // MARK: Where am I

  private static let currentKey: pthread_key_t = {
    var key = pthread_key_t()
    pthread_key_create(&key, nil)
    return key
  }()

  /// The loop whose thread this is, or `nil`.
  public static var current: EventLoop? {
    guard let pointer = pthread_getspecific(currentKey) else { return nil }
    return Unmanaged<EventLoop>.fromOpaque(pointer).takeUnretainedValue()
  }

  /// Whether the caller runs on this loop's thread.
  public var isCurrent: Bool {
    pthread_getspecific(EventLoop.currentKey) == Unmanaged.passUnretained(self).toOpaque()
  }

  /// Stops the process when the caller is not on this loop: a programming error.
  @inline(__always)
  public func preconditionCurrent() {
    // Where code runs is decided by our own code, not by input.
    precondition(isCurrent, "called off its event loop")
  }

  // MARK: Work

  /// Runs a task's next part here; called by the Swift runtime.
  public func enqueue(_ job: consuming ExecutorJob) {
    submit(.job(UnownedJob(job)))
  }

  /// Runs `work` on the loop, from any thread, in order of arrival.
  public func execute(_ work: @escaping @Sendable () -> Void) {
    submit(.closure(work))
  }

  /// Starts a task that lives on this loop.
  @discardableResult
  public func task<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) -> Task<Value, any Error> {
    Task(executorPreference: self) { try await body() }
  }

  /// Runs `work` before the loop next waits, once all ready tasks have run: the place where writes are flushed
  /// together.
  public func atEndOfTurn(_ work: @escaping () -> Void) {
    endOfTurn.append(work)
  }

  private func submit(_ work: Work) {
    if isCurrent {
      local.append(work)
      return
    }
    remote.withLock { $0.append(work) }
    if !wakePending.exchange(true, ordering: .acquiringAndReleasing) {
      var one: UInt64 = 1
      _ = write(wakeup, &one, 8)
    }
  }

  // MARK: Timers

  /// Calls `action` on the loop at `deadline` (monotonic nanoseconds). On the loop only.
  @discardableResult
  public func schedule(at deadline: UInt64, _ action: @escaping () -> Void) -> Timer {
    preconditionCurrent()
    let timer = Timer(deadline: deadline, action: action)
    timers.insert(timer)
    return timer
  }

  /// Calls `action` on the loop after `delay`. On the loop only.
  @discardableResult
  public func schedule(after delay: Duration, _ action: @escaping () -> Void) -> Timer {
    schedule(at: now &+ UInt64(max(0, delay.nanoseconds)), action)
  }

  /// Forgets a timer; nothing happens when it has fired. On the loop only.
  public func cancel(_ timer: Timer) {
    preconditionCurrent()
    timers.remove(timer)
    timer.action = nil
  }

  // MARK: Descriptors

  /// Watches `fd`; `handler` is retained until `unwatch`. Edge-triggered watchers are called once per change and must
  /// read or write until there is nothing left. On the loop only. Throws `ReactorError` when the kernel refuses.
  public func watch(
    _ fd: Int32, for interest: Readiness, edgeTriggered: Bool = false, handler: any ReadinessHandler
  ) throws(ReactorError) {
    preconditionCurrent()
    let slot = Int(fd)
    while watched.count <= slot { watched.append(Watched(handler: nil, generation: 0)) }
    watched[slot].generation &+= 1
    watched[slot].handler = handler
    do {
      try control(EPOLL_CTL_ADD, fd, interest, edgeTriggered)
    } catch {
      watched[slot].handler = nil
      throw error
    }
  }

  /// Changes what a level-triggered descriptor is watched for. On the loop only.
  public func rewatch(_ fd: Int32, for interest: Readiness) throws(ReactorError) {
    preconditionCurrent()
    try control(EPOLL_CTL_MOD, fd, interest, false)
  }

  /// Stops watching; call it before the descriptor is closed. On the loop only.
  public func unwatch(_ fd: Int32) {
    preconditionCurrent()
    let slot = Int(fd)
    guard slot < watched.count, watched[slot].handler != nil else { return }
    watched[slot].handler = nil
    epoll_ctl(epoll, EPOLL_CTL_DEL, fd, nil)
  }

  private func control(
    _ operation: Int32, _ fd: Int32, _ interest: Readiness, _ edgeTriggered: Bool
  ) throws(ReactorError) {
    var event = epoll_event()
    event.events = interest.rawValue | (edgeTriggered ? EPOLLET.rawValue : 0)
    event.data.u64 = UInt64(UInt32(bitPattern: fd)) << 32 | UInt64(watched[Int(fd)].generation)
    guard epoll_ctl(epoll, operation, fd, &event) == 0 else {
      throw ReactorError(.system, operation: "epoll_ctl", errno: errno)
    }
  }

  // MARK: The loop

  /// Ends the loop after the work that is ready now, and waits for its thread. Not from the loop itself.
  public func stop() {
    // At the end of the process, by our own code.
    precondition(!isCurrent, "a loop cannot wait for itself")
    stopRequested.store(true, ordering: .releasing)
    execute {}
    pthread_join(thread, nil)
  }

  // Not before the last reference is gone: until then somebody may still submit work, and must not write to a
  // descriptor that belongs to somebody else by now.
  deinit {
    scratch.deallocate()
    close(epoll)
    close(wakeup)
  }

  private func run() {
    cadre_name_thread("\(name)-\(index)")
    pthread_setspecific(EventLoop.currentKey, Unmanaged.passUnretained(self).toOpaque())
    withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: EventLoop.eventsPerPollMax) { events in
      while !stopRequested.load(ordering: .acquiring) {
        turns &+= 1
        runReadyWork()
        let count = epoll_wait(epoll, events.baseAddress, Int32(events.count), pollTimeout())
        now = MonotonicClock.now()
        if count > 0 { for event in events.prefix(Int(count)) { dispatch(event) } }
        while let timer = timers.popDue(now) {
          let action = timer.action
          timer.action = nil
          action?()
        }
      }
      runReadyWork()
    }
  }

  private func runReadyWork() {
    var rounds = 0
    repeat {
      if !local.isEmpty {
        swap(&local, &running)
        for work in running {
          switch work {
          case .job(let job):
            job.runSynchronously(on: asUnownedTaskExecutor())
          case .closure(let closure): closure()
          }
        }
        running.removeAll(keepingCapacity: true)
      }
      if local.isEmpty || rounds == EventLoop.workRoundsPerTurnMax - 1, !endOfTurn.isEmpty {
        swap(&endOfTurn, &endOfTurnRunning)
        for work in endOfTurnRunning { work() }
        endOfTurnRunning.removeAll(keepingCapacity: true)
      }
      rounds += 1
    } while !local.isEmpty && rounds < EventLoop.workRoundsPerTurnMax
  }

  private func dispatch(_ event: epoll_event) {
    let fd = Int(event.data.u64 >> 32)
    guard fd != Int(UInt32.max) else {
      drainRemote()
      return
    }
    guard fd < watched.count, let handler = watched[fd].handler,
      watched[fd].generation == UInt32(truncatingIfNeeded: event.data.u64)
    else { return }
    handler.ready(Readiness(rawValue: event.events))
  }

  private func drainRemote() {
    var count: UInt64 = 0
    _ = read(wakeup, &count, 8)
    wakePending.store(false, ordering: .sequentiallyConsistent)
    let arrived = remote.withLock { queue in
      let taken = queue
      queue = []
      return taken
    }
    local.append(contentsOf: arrived)
  }

  /// Milliseconds for `epoll_wait`, rounded up so that a timer is never early and the loop never spins for one.
  private func pollTimeout() -> Int32 {
    if !local.isEmpty || !endOfTurn.isEmpty { return 0 }
    guard let next = timers.next else { return -1 }
    let current = MonotonicClock.now()
    guard next > current else { return 0 }
    return Int32(clamping: (next - current + 999_999) / 1_000_000)
  }
}

extension EventLoop {
  /// Suspends the task for `delay`; it must run on a loop. Throws `CancellationError` when cancelled.
  public static func sleep(for delay: Duration) async throws {
    guard let loop = EventLoop.current else { throw ReactorError(.closed, operation: "sleep off a loop") }
    let promise = Promise<Void>(on: loop)
    let timer = LoopBound(loop.schedule(after: delay) { promise.succeed(()) })
    defer { loop.cancel(timer.value) }
    try await promise.value()
  }
}

/// Carries a value that belongs to a loop through code that the compiler cannot see to stay on that loop.
///
/// `@unchecked Sendable`: the user reads `value` on the loop that it belongs to.
public struct LoopBound<Value>: @unchecked Sendable {
  /// The value; touch it on its loop only.
  public let value: Value

  /// Wraps a value.
  public init(_ value: Value) { self.value = value }
}
