internal import AgentLoop
internal import Synchronization

/// Says to all attempts of a process that it gives its steps back.
final class DrainSignal: Sendable {
  private struct State {
    var isGiven = false
    var waiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
    var cancelled: Set<UInt64> = []
    var nextWaiter: UInt64 = 0
  }

  private let state = Mutex(State())

  /// Whether it was given.
  var isGiven: Bool { state.withLock { $0.isGiven } }

  /// Gives it; what may be interrupted ends with `AttemptReleased`.
  func give() {
    let waiters = state.withLock { state in
      state.isGiven = true
      let waiters = Array(state.waiters.values)
      state.waiters = [:]
      return waiters
    }
    for waiter in waiters { waiter.resume() }
  }

  /// Does something that can be done again by another attempt. Throws `AttemptReleased` when the signal was or is given
  /// meanwhile; `body` is cancelled then.
  func interrupting<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
    guard !isGiven else { throw AttemptReleased() }
    return try await withThrowingTaskGroup(of: Value?.self) { group in
      defer { group.cancelAll() }
      group.addTask { try await body() }
      group.addTask {
        await self.wait()
        return nil
      }
      if let value = try await group.next() ?? nil { return value }
      try Task.checkCancellation()
      throw AttemptReleased()
    }
  }

  /// Waits until it is given or the task is cancelled.
  private func wait() async {
    let waiter = state.withLock { state in
      state.nextWaiter += 1
      return state.nextWaiter
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isOver = state.withLock { state in
          if state.isGiven || state.cancelled.remove(waiter) != nil { return true }
          state.waiters[waiter] = continuation
          return false
        }
        if isOver { continuation.resume() }
      }
    } onCancel: {
      let continuation = state.withLock { state -> CheckedContinuation<Void, Never>? in
        if let continuation = state.waiters.removeValue(forKey: waiter) { return continuation }
        if !state.isGiven { state.cancelled.insert(waiter) }
        return nil
      }
      continuation?.resume()
    }
    state.withLock { _ = $0.cancelled.remove(waiter) }
  }
}
