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
      try await first.wait(until: .max)
      second.cancel()
      // Nobody waits any more.
      signal.wake()
      let third = signal.register()
      signal.wake()
      try await third.wait(until: .max)
    }.value
    group.stop()
  }
}
