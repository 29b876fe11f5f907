internal import Primitives
public import Telemetry

/// The end of a worker: takes nothing more, and gives back what it has, whatever that does.
public struct WorkerDrain: Sendable {
  private static let check = Duration.milliseconds(10)

  private let plan: DrainPlan
  private let poller: StepPoller
  private let runner: StepRunner
  private let clock: any WorkerClock
  private let logger: Logger

  /// Makes the end of `poller` and `runner`.
  public init(
    _ plan: DrainPlan, poller: StepPoller, runner: StepRunner, clock: any WorkerClock = LoopClock(), logger: Logger
  ) {
    self.plan = plan
    self.poller = poller
    self.runner = runner
    self.clock = clock
    self.logger = logger
  }

  /// Returns when nothing is leased to this process any more, or when the grace is over.
  public func run() async {
    let start = clock.now()
    poller.stop()
    let ending = clock.start { [poller] in await poller.finish() }
    await idle(until: start, plan.patience)
    // What still comes is given back as soon as it begins.
    runner.release()
    await idle(until: start, plan.orderly)
    ending()
    guard poller.isBusy else { return }
    let (left, taken) = (runner.openCount, await runner.handBack(within: plan.margin))
    logger.warning(
      "steps were given back in the midst of their attempts",
      ["attempts": .int(Int64(left)), "given_back": .int(Int64(taken))])
  }

  /// Waits until nothing is under way, at most until `time` after `start`.
  private func idle(until start: UInt64, _ time: Duration) async {
    let deadline = start &+ UInt64(clamping: time.nanoseconds)
    while poller.isBusy, clock.now() < deadline { try? await clock.sleep(for: WorkerDrain.check) }
  }
}
