import AgentWorker
import Foundation
import Synchronization

/// A clock that jumps to the next sleeper as soon as `tasks` of them sleep, or nothing has moved for a while.
final class VirtualClock: WorkerClock {
  private struct Sleeper {
    let id: UInt64
    let until: UInt64
    let continuation: CheckedContinuation<Void, any Error>
  }

  private struct State {
    var now: UInt64 = 1_000_000_000
    var nextID: UInt64 = 0
    var changes = 0
    var sleepers: [Sleeper] = []
    var cancelled: Set<UInt64> = []
  }

  private let state = Mutex(State())
  private let tasks: Int

  init(tasks: Int) { self.tasks = tasks }

  func now() -> UInt64 { state.withLock { $0.now } }

  /// Seconds since the beginning.
  var seconds: Double { Double(now() - 1_000_000_000) / 1e9 }

  func sleep(for delay: Duration) async throws {
    let (seconds, attoseconds) = delay.components
    let nanoseconds = UInt64(max(0, seconds)) * 1_000_000_000 + UInt64(max(0, attoseconds / 1_000_000_000))
    let id = state.withLock { state in
      state.nextID += 1
      return state.nextID
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let isCancelled = state.withLock { state in
          if state.cancelled.remove(id) != nil { return true }
          state.changes += 1
          state.sleepers.append(Sleeper(id: id, until: state.now &+ nanoseconds, continuation: continuation))
          return false
        }
        if isCancelled { continuation.resume(throwing: CancellationError()) }
      }
    } onCancel: {
      let sleeper = state.withLock { state -> Sleeper? in
        guard let index = state.sleepers.firstIndex(where: { $0.id == id }) else {
          state.cancelled.insert(id)
          return nil
        }
        state.changes += 1
        return state.sleepers.remove(at: index)
      }
      sleeper?.continuation.resume(throwing: CancellationError())
    }
  }

  /// Lets time pass until `body` has ended.
  func run<Value: Sendable>(_ body: @escaping @Sendable () async -> Value) async -> Value {
    let driver = Task.detached { [self] in
      var (seen, quiet) = (-1, 0)
      while !Task.isCancelled {
        let due = state.withLock { state -> Sleeper? in
          quiet = state.changes == seen ? quiet + 1 : 0
          seen = state.changes
          guard !state.sleepers.isEmpty, state.sleepers.count >= tasks || quiet > 100 else { return nil }
          let index = state.sleepers.indices.min { state.sleepers[$0].until < state.sleepers[$1].until } ?? 0
          let sleeper = state.sleepers.remove(at: index)
          state.now = max(state.now, sleeper.until)
          state.changes += 1
          return sleeper
        }
        if let due { due.continuation.resume() } else { try? await Task.sleep(for: .milliseconds(1)) }
      }
    }
    let value = await body()
    driver.cancel()
    await driver.value
    return value
  }
}
