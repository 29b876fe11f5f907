import Reactor
import StepDispatch
import Testing

@Suite struct WakeSignalTests {
  @Test func `the one who waits longest is woken, also when the signal came before the wait`() async throws {
    let group = EventLoopGroup(count: 1)
    try await group.loops[0].task {
      let signal = WakeSignal()
      let first = signal.register()
      let second = signal.register()
      signal.wake()
      let isFirstWoken = try await first.wait(until: .max)
      #expect(isFirstWoken)
      second.cancel()
      // Nobody waits any more.
      signal.wake()
      let third = signal.register()
      signal.wake()
      let isThirdWoken = try await third.wait(until: .max)
      #expect(isThirdWoken)
    }.value
    group.stop()
  }
}
