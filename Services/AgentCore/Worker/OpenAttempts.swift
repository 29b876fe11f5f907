internal import AgentLoop
internal import Synchronization

/// The attempts of this process that have not ended, so that their steps can be given back whatever they do.
final class OpenAttempts: Sendable {
  private struct State {
    var open: [UInt64: (step: LeasedStep, lease: LeaseSession)] = [:]
    var next: UInt64 = 0
  }

  private static let retryPause = Duration.milliseconds(100)

  private let state = Mutex(State())

  /// Attempts that have not ended.
  var count: Int { state.withLock { $0.open.count } }

  /// An attempt begins. Returns its number.
  func begin(_ step: LeasedStep, _ lease: LeaseSession) -> UInt64 {
    state.withLock { state in
      state.next += 1
      state.open[state.next] = (step, lease)
      return state.next
    }
  }

  /// An attempt has ended, or its step was given back.
  func end(_ number: UInt64) { state.withLock { $0.open[number] = nil } }

  /// Gives the steps of all attempts back that have not begun to deliver their outcomes, side by side, each until the
  /// orchestrator has answered or the task is cancelled. Returns how many were taken.
  func handBack(_ link: any OrchestratorLink, _ clock: any WorkerClock) async -> Int {
    let open = state.withLock { $0.open }.filter { !$0.value.lease.hasBegunDelivery }
    return await withTaskGroup(of: Bool.self) { group in
      for (number, attempt) in open {
        group.addTask { [self] in
          guard await OpenAttempts.handBack(attempt.step, link, clock) else { return false }
          end(number)
          return true
        }
      }
      return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
    }
  }

  private static func handBack(_ step: LeasedStep, _ link: any OrchestratorLink, _ clock: any WorkerClock) async -> Bool
  {
    while !Task.isCancelled {
      switch try? await link.deliver(.released([]), for: step) {
      case .accepted: return true
      // What the attempt did was faster, or the step is not ours any more.
      case .lost, .repeated, .refused, nil: return false
      case .unavailable: do { try await clock.sleep(for: retryPause) } catch { return false }
      }
    }
    return false
  }
}
