import Reactor
import Synchronization

@testable import Spending

/// A clock that jumps to the end of every sleep.
final class SteppedClock: Sendable {
  private let nanoseconds = Mutex<UInt64>(1_000_000_000_000)
  private let start: UInt64 = 1_000_000_000_000

  func now() -> UInt64 { nanoseconds.withLock { $0 } }

  func advance(_ nanoseconds: UInt64) { self.nanoseconds.withLock { $0 += nanoseconds } }

  /// Since the beginning.
  var milliseconds: UInt64 { (now() - start) / 1_000_000 }

  var spending: SpendingClock {
    SpendingClock(
      now: { self.now() }, seconds: { Int64(self.now() / 1_000_000_000) },
      sleep: { time in
        try Task.checkCancellation()
        self.advance(time)
        await Task.yield()
      })
  }
}

/// Runs `body` on an event loop, as the service does.
func onLoop(_ body: @escaping @Sendable () async throws -> Void) async throws {
  let group = EventLoopGroup(count: 1)
  let result = await group.loops[0].task(body).result
  group.stop()
  try result.get()
}
