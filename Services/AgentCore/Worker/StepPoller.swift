public import Reactor
internal import Synchronization
public import Telemetry

/// Leases steps as slots become free, and has each run on a loop of its own.
public final class StepPoller: Sendable {
  /// Requests for steps that are under way at the same time. While one is answered, another still waits, so that what
  /// becomes ready in that moment needs no queue.
  private static let pollsMax = 4
  private static let leaseWait = Duration.seconds(20)
  private static let pauseAfterFailure = Duration.milliseconds(500)
  private static let pauseCheck = Duration.milliseconds(500)
  /// The end is asked for again after these times: a request may have been on its way to the orchestrator.
  private static let endPauseFirst = Duration.milliseconds(20)
  private static let endPauseMax = Duration.milliseconds(320)

  private typealias Answer = (steps: [LeasedStep], unreadable: Int)

  /// What the end has to know of.
  private struct State {
    var polling: Task<Void, any Error>?
    /// Requests that are under way. They are not cancelled: an answer with leases may be on its way.
    var requests: [UInt64: Task<Answer, any Error>] = [:]
    var nextRequest: UInt64 = 0
  }

  private let source: any StepSource
  private let slots: Int
  private let group: EventLoopGroup
  private let logger: Logger
  private let clock: any WorkerClock
  private let runStep: @Sendable (LeasedStep) async -> Void
  private let isStopped = Atomic<Bool>(false)
  private let hasSource = Atomic<Bool>(false)
  private let isPaused = Atomic<Bool>(false)
  private let running = Atomic<Int>(0)
  private let state = Mutex(State())

  /// Makes a poller that calls `runStep` for up to `slots` steps at the same time.
  public init(
    source: any StepSource, slots: Int, group: EventLoopGroup, logger: Logger, clock: any WorkerClock = LoopClock(),
    runStep: @escaping @Sendable (LeasedStep) async -> Void
  ) {
    self.source = source
    self.slots = slots
    self.group = group
    self.logger = logger
    self.clock = clock
    self.runStep = runStep
  }

  /// Whether the last request for steps was answered.
  public var isConnected: Bool { hasSource.load(ordering: .relaxed) }

  /// Whether requests for steps are under way, or steps that came with them.
  public var isBusy: Bool {
    running.load(ordering: .sequentiallyConsistent) > 0 || state.withLock { !$0.requests.isEmpty }
  }

  /// Takes steps until `stop`.
  public func run() async {
    let loop = group.loops[0]
    let gate = SlotGate(slots: slots, loop: loop)
    let polls = min(StepPoller.pollsMax, slots)
    let task = loop.task { [self] in
      await withTaskGroup(of: Void.self) { tasks in
        for _ in 0..<polls { tasks.addTask { [self] in await poll(gate, slotsMax: (slots + polls - 1) / polls) } }
      }
    }
    state.withLock { $0.polling = task }
    if isStopped.load(ordering: .sequentiallyConsistent) { task.cancel() }
    _ = await task.result
  }

  /// Takes nothing more until it is resumed. What runs goes on, and requests that wait are answered.
  public func pause(_ isPaused: Bool) { self.isPaused.store(isPaused, ordering: .relaxed) }

  /// Asks for nothing more. What runs goes on, and what requests that are under way still bring is run; `finish` ends
  /// these.
  public func stop() {
    isStopped.store(true, ordering: .sequentiallyConsistent)
    state.withLock { $0.polling }?.cancel()
  }

  /// Behind `stop`: has the requests answered that are under way, until all are or the task is cancelled. Those that
  /// are left then are dropped, with what may be on its way to them.
  public func finish() async {
    var canAsk = true
    var pause = StepPoller.endPauseFirst
    while canAsk, !Task.isCancelled, state.withLock({ !$0.requests.isEmpty }) {
      do { canAsk = try await source.endWaits() } catch {
        logger.warning("requests for steps cannot be ended", ["reason": .string("\(error)")])
      }
      guard canAsk, state.withLock({ !$0.requests.isEmpty }) else { continue }
      try? await clock.sleep(for: pause)
      pause = min(pause * 2, StepPoller.endPauseMax)
    }
    for request in state.withLock({ Array($0.requests.values) }) { request.cancel() }
  }

  private func poll(_ gate: SlotGate, slotsMax: Int) async {
    while !isStopped.load(ordering: .sequentiallyConsistent), !Task.isCancelled {
      if isPaused.load(ordering: .relaxed) {
        do { try await clock.sleep(for: StepPoller.pauseCheck) } catch { return }
        continue
      }
      guard var offered = try? await gate.take(upTo: slotsMax) else { return }
      defer { gate.give(offered) }
      do {
        // The first request does not wait, so that readiness is known at once.
        guard let (number, request) = ask(slots: offered, wait: isConnected ? StepPoller.leaseWait : .zero) else {
          return
        }
        // It counts as over when what it brought has begun.
        defer { state.withLock { $0.requests[number] = nil } }
        let answer = try await request.value
        hasSource.store(true, ordering: .relaxed)
        for step in answer.steps.prefix(offered) {
          offered -= 1
          start(step, gate)
        }
        if answer.unreadable > 0 {
          logger.error("leases cannot be read", ["count": .int(Int64(answer.unreadable))])
        }
      } catch is CancellationError {
        return
      } catch {
        hasSource.store(false, ordering: .relaxed)
        logger.warning("no steps can be leased", ["reason": .string("\(error)")])
        try? await clock.sleep(for: StepPoller.pauseAfterFailure)
      }
    }
  }

  /// Begins a request for steps, which is not cancelled with the poll. `nil` when the poller was stopped before.
  private func ask(slots: Int, wait: Duration) -> (UInt64, Task<Answer, any Error>)? {
    state.withLock { state in
      guard !isStopped.load(ordering: .sequentiallyConsistent) else { return nil }
      state.nextRequest += 1
      let request = group.loops[0].task { [source] in try await source.lease(slots: slots, wait: wait) }
      state.requests[state.nextRequest] = request
      return (state.nextRequest, request)
    }
  }

  private func start(_ step: LeasedStep, _ gate: SlotGate) {
    running.wrappingAdd(1, ordering: .sequentiallyConsistent)
    group.next().task { [self] in
      await runStep(step)
      running.wrappingSubtract(1, ordering: .sequentiallyConsistent)
      gate.give(1)
    }
  }
}
