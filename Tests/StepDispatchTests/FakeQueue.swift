import Contracts
import Primitives
import RunStorage
import StepDispatch
import Synchronization

/// A ready queue in memory: each claim gives what was put in before it.
final class FakeQueue: StepQueue {
  private struct State {
    var ready: [LeasedStep] = []
    var claims: [[String]] = []
    var released: [LeasedStep] = []
    var failures = 0
    var waiting: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
  }

  private let state = Mutex(State())

  /// The workers of each claim.
  var claims: [[String]] { state.withLock { $0.claims } }
  /// Steps whose leases were ended.
  var released: [UInt64] { state.withLock { $0.released.numbers } }

  func put(_ steps: LeasedStep...) { state.withLock { $0.ready += steps } }

  /// Lets the next claims fail.
  func fail(_ count: Int) { state.withLock { $0.failures = count } }

  /// Waits until so many claims were made.
  func claims(atLeast count: Int) async {
    await withCheckedContinuation { continuation in
      let isThere = state.withLock { state in
        if state.claims.count >= count { return true }
        state.waiting.append((count, continuation))
        return false
      }
      if isThere { continuation.resume() }
    }
  }

  func claim(
    jobType: String, workers: [String], milliseconds: Int64, _ scan: ClaimScan
  ) async throws -> ClaimResult {
    let (result, woken) = state.withLock {
      state -> (Result<ClaimResult, any Error>, [CheckedContinuation<Void, Never>]) in
      state.claims.append(workers)
      let count = state.claims.count
      let woken = state.waiting.filter { $0.count <= count }.map(\.continuation)
      state.waiting.removeAll { $0.count <= count }
      if state.failures > 0 {
        state.failures -= 1
        return (.failure(Away()), woken)
      }
      let steps = state.ready.filter { $0.jobType == jobType }.prefix(workers.count).enumerated().map { slot, step in
        leased(step.step.uuid.high, jobType: jobType, slot: slot)
      }
      let taken = Set(steps.map(\.step))
      state.ready.removeAll { taken.contains($0.step) }
      return (.success(ClaimResult(steps: steps, oldest: steps.isEmpty ? nil : 1)), woken)
    }
    for continuation in woken { continuation.resume() }
    return try result.get()
  }

  func releaseUndelivered(_ steps: [LeasedStep]) async throws { state.withLock { $0.released += steps } }

  struct Away: Error {}
}
