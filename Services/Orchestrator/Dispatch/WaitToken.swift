internal import Primitives
internal import Reactor
internal import SystemSources

/// A registered wait for a change. It is taken before one reads, so that a change between reading and waiting is not
/// missed. On a loop only.
package struct WaitToken: Sendable {
  let loop: EventLoop
  let promise: Promise<Void>
  private let pollInterval: Duration
  private let unregister: @Sendable (WaitToken) -> Void

  /// Makes a token of the current loop. `unregister` is called when the wait is over.
  package init(pollInterval: Duration, unregister: @escaping @Sendable (WaitToken) -> Void) {
    // Requests are answered on loops only: the server has no other threads, whatever is sent to it.
    guard let loop = EventLoop.current else { preconditionFailure("waiting off a loop") }
    self.loop = loop
    promise = Promise(on: loop)
    self.pollInterval = pollInterval
    self.unregister = unregister
  }

  /// Waits until woken, at most the poll interval and never beyond `deadline` (monotonic nanoseconds). Returns whether
  /// it was woken.
  @discardableResult
  package func wait(until deadline: UInt64) async throws -> Bool {
    defer { cancel() }
    do {
      try await promise.value(
        deadline: min(deadline, MonotonicClock.now() &+ UInt64(clamping: pollInterval.nanoseconds)))
      return true
    } catch is ReactorError {
      // Time to read again.
      return false
    }
  }

  /// Ends the wait; calling it again changes nothing.
  package func cancel() { unregister(self) }

  /// Wakes the waiter, from any thread.
  package func wake() { loop.execute { [promise] in promise.succeed(()) } }

  /// Whether both are the same wait.
  package static func === (left: WaitToken, right: WaitToken) -> Bool { left.promise === right.promise }
}
