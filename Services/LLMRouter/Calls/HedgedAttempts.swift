internal import Primitives
internal import Reactor
internal import Routing
internal import SystemSources

/// Attempts at the same time: the first answer counts, the others are cancelled. `HedgeState` decides; this runs the
/// tasks.
///
/// `@unchecked Sendable`: confined to its loop, on which its tasks run too.
final class HedgedAttempts: @unchecked Sendable {
  private let loop: EventLoop
  private let first: Promise<Void>
  private let winning: Promise<StartedAnswer>
  private let discard: @Sendable (StartedAnswer) -> Void
  private var state = HedgeState()
  private var tasks: [Int: Task<Void, any Error>] = [:]

  /// `discard` gets an answer that came too late.
  init(on loop: EventLoop, discard: @escaping @Sendable (StartedAnswer) -> Void) {
    self.loop = loop
    self.discard = discard
    first = Promise(on: loop)
    winning = Promise(on: loop)
  }

  func start(_ body: @escaping @Sendable (HedgedAttempt) async throws -> StartedAnswer) {
    let number = state.started()
    let attempt = HedgedAttempt(self, number)
    tasks[number] = loop.task { [self] in
      do { succeeded(number, try await body(attempt)) } catch { failed(number, error) }
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
  func winner() async throws -> StartedAnswer { try await winning.value() }

  /// The caller is gone.
  func cancel() {
    for number in state.cancelled() { tasks[number]?.cancel() }
  }

  fileprivate func hasLost(_ number: Int) -> Bool { state.hasLost(number) }

  private func succeeded(_ number: Int, _ answer: StartedAnswer) {
    switch state.succeeded(number) {
    case .win(let losers):
      for loser in losers { tasks[loser]?.cancel() }
      winning.succeed(answer)
    case .discard: return discard(answer)
    case .none, .fail: break
    }
    first.succeed(())
  }

  private func failed(_ number: Int, _ error: any Error) {
    if state.failed(number) == .fail { winning.fail(error) }
    first.succeed(())
  }
}

/// One of several attempts at the same time.
///
/// `@unchecked Sendable`: confined to the loop of its group.
final class HedgedAttempt: @unchecked Sendable {
  private let group: HedgedAttempts
  private let number: Int

  fileprivate init(_ group: HedgedAttempts, _ number: Int) {
    self.group = group
    self.number = number
  }

  /// Another attempt was faster: what this one has cost is accounted.
  var hasLost: Bool { group.hasLost(number) }
}
