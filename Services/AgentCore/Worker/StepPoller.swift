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

  private let source: any StepSource
  private let slots: Int
  private let group: EventLoopGroup
  private let logger: Logger
  private let clock: any WorkerClock
  private let runStep: @Sendable (LeasedStep) async -> Void
  private let isStopped = Atomic<Bool>(false)
  private let hasSource = Atomic<Bool>(false)
  private let isPaused = Atomic<Bool>(false)
  private let polling = Mutex<Task<Void, any Error>?>(nil)

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
    polling.withLock { $0 = task }
    _ = await task.result
  }

  /// Takes nothing more until it is resumed. What runs goes on, and requests that wait are answered.
  public func pause(_ isPaused: Bool) { self.isPaused.store(isPaused, ordering: .relaxed) }

  /// Takes nothing more. What runs goes on.
  public func stop() {
    isStopped.store(true, ordering: .relaxed)
    polling.withLock { $0 }?.cancel()
  }

  private func poll(_ gate: SlotGate, slotsMax: Int) async {
    while !isStopped.load(ordering: .relaxed), !Task.isCancelled {
      if isPaused.load(ordering: .relaxed) {
        do { try await clock.sleep(for: StepPoller.pauseCheck) } catch { return }
        continue
      }
      guard var offered = try? await gate.take(upTo: slotsMax) else { return }
      defer { gate.give(offered) }
      do {
        // The first request does not wait, so that readiness is known at once.
        let (steps, unreadable) = try await source.lease(
          slots: offered, wait: isConnected ? StepPoller.leaseWait : .zero)
        hasSource.store(true, ordering: .relaxed)
        if unreadable > 0 { logger.error("leases cannot be read", ["count": .int(Int64(unreadable))]) }
        for step in steps.prefix(offered) {
          offered -= 1
          group.next().task { [runStep] in
            await runStep(step)
            gate.give(1)
          }
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
}
