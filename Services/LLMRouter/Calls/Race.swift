internal import Primitives
internal import Reactor
internal import SystemSources

/// Two attempts at the same time: the first answer counts, the other attempt is broken off.
///
/// `@unchecked Sendable`: confined to its loop, on which its tasks run too.
final class Race: @unchecked Sendable {
  /// One of the two.
  ///
  /// `@unchecked Sendable`: confined to the loop of its race.
  final class Runner: @unchecked Sendable {
    /// The other one was faster: what this one has cost is to be accounted.
    fileprivate(set) var hasLost = false
    fileprivate var task: Task<Void, any Error>?
  }

  private let loop: EventLoop
  private let first: Promise<Void>
  private let won: Promise<Opened>
  private let discard: @Sendable (Opened) -> Void
  private var runners: [Runner] = []
  private var running = 0
  private var isOver = false

  /// `discard` gets an answer that came too late.
  init(on loop: EventLoop, discard: @escaping @Sendable (Opened) -> Void) {
    self.loop = loop
    self.discard = discard
    first = Promise(on: loop)
    won = Promise(on: loop)
  }

  func start(_ body: @escaping @Sendable (Runner) async throws -> Opened) {
    let runner = Runner()
    runners.append(runner)
    running += 1
    runner.task = loop.task { [self] in
      do { finish(runner, .success(try await body(runner))) } catch { finish(runner, .failure(error)) }
    }
  }

  /// Whether an attempt has ended, well or badly, before the time is up.
  func hasResult(within delay: Duration) async throws -> Bool {
    do {
      try await first.value(deadline: MonotonicClock.now() &+ UInt64(clamping: delay.nanoseconds))
      return true
    } catch let error as ReactorError where error.code == .timedOut {
      return false
    }
  }

  /// The first answer; the last failure when there is none.
  func winner() async throws -> Opened { try await won.value() }

  /// The caller is gone.
  func cancel() {
    isOver = true
    for runner in runners { runner.task?.cancel() }
  }

  private func finish(_ runner: Runner, _ result: Result<Opened, any Error>) {
    running -= 1
    switch result {
    case .success(let opened):
      if isOver { return discard(opened) }
      isOver = true
      for other in runners where other !== runner {
        other.hasLost = true
        other.task?.cancel()
      }
      won.succeed(opened)
    case .failure(let error):
      if running == 0, !isOver { won.fail(error) }
    }
    first.succeed(())
  }
}
