import Testing

@testable import Redis

@Suite struct LifecycleTests {
  @Test func `failures pause longer and longer up to a bound, and never less than half of it`() {
    var lifecycle = ConnectionLifecycle()
    #expect(lifecycle.start() == .connect)
    #expect(lifecycle.start() == .none)
    var expected: Int64 = 25
    for random in [0, 1, UInt64.max, 77, 12, 5, 3, 99, 1_000_003, 4] as [UInt64] {
      guard case .pause(let pause) = lifecycle.connectFailed(random: random) else {
        Issue.record("no pause")
        return
      }
      let milliseconds = pause.components.seconds * 1000 + pause.components.attoseconds / 1_000_000_000_000_000
      #expect(milliseconds <= expected)
      #expect(milliseconds >= expected / 2)
      expected = min(expected * 2, 3000)
      #expect(lifecycle.pauseOver() == .connect)
    }
  }

  @Test func `a stable connection makes the next pause short, a flapping one does not`() {
    var lifecycle = ConnectionLifecycle()
    _ = lifecycle.start()
    for _ in 0..<6 {
      _ = lifecycle.connectFailed(random: 0)
      _ = lifecycle.pauseOver()
    }
    #expect(lifecycle.connected(at: 100) == .none)
    #expect(lifecycle.lost(at: 200, random: 0) == .pause(.milliseconds(1600)))
    _ = lifecycle.pauseOver()
    #expect(lifecycle.connected(at: 300) == .none)
    #expect(lifecycle.lost(at: 300 + ConnectionLifecycle.stableNanoseconds, random: 0) == .pause(.milliseconds(25)))
  }

  @Test func `after close nothing happens, and a late connection is discarded`() {
    var lifecycle = ConnectionLifecycle()
    _ = lifecycle.start()
    #expect(lifecycle.close() == .none)
    #expect(lifecycle.connected(at: 1) == .discard)
    #expect(lifecycle.connectFailed(random: 1) == .none)
    #expect(lifecycle.pauseOver() == .none)
    #expect(lifecycle.lost(at: 5, random: 1) == .none)
    #expect(lifecycle.start() == .none)
    var ready = ConnectionLifecycle()
    _ = ready.start()
    _ = ready.connected(at: 1)
    #expect(ready.close() == .discard)
    #expect(ready.lost(at: 2, random: 0) == .none)
  }
}
