public import AgentLoop
public import Contracts

/// What came of a call to the orchestrator about a step.
public enum LinkAnswer: Sendable, Equatable {
  /// It was taken.
  case accepted
  /// The lease has passed to somebody else, or the run has ended: whatever the attempt does now has no effect.
  case lost
  /// The calls are recorded already, by a request whose answer was lost.
  case repeated
  /// What was sent can never be taken.
  case refused(code: String, detail: String)
  /// Nobody knows: no answer, or one of a service that starts, ends or has lost its database. To be tried again.
  case unavailable(reason: String)
}

/// What came of a request of heartbeats for many leases.
public enum HeartbeatsAnswer: Sendable {
  /// What the orchestrator says of each, in their order: `accepted` or `lost`.
  case answered([LinkAnswer])
  /// It does not know such requests.
  case unsupported
  /// Nobody knows: no answer, or one of a service that starts, ends or has lost its database.
  case unavailable(reason: String)
}

/// How an attempt ended.
public enum AttemptOutcome: Sendable {
  /// With an output.
  case success(AttemptResult)
  /// Without.
  case failure(AgentFailure)
  /// Not yet: people have to answer first.
  case waiting(AttemptWait)
  /// Not yet: the step is given back for another attempt to go on with it.
  case released([CallReport])

  /// Calls that are recorded together with it.
  var calls: [CallReport] {
    switch self {
    case .success(let result): result.calls
    case .failure(let failure): failure.calls
    case .waiting(let wait): wait.calls
    case .released(let calls): calls
    }
  }

  /// The same without the calls, which are recorded by themselves.
  var alone: AttemptOutcome {
    switch self {
    case .success(let result): return .success(AttemptResult(output: result.output, calls: []))
    case .failure(var failure):
      failure.calls = []
      return .failure(failure)
    case .waiting(let wait): return .waiting(AttemptWait(asks: wait.asks, calls: []))
    case .released: return .released([])
    }
  }
}

/// The orchestrator as an attempt sees it. One call is one try.
public protocol OrchestratorLink: Sendable {
  /// Records calls and extends the lease; without calls it only extends. Throws `CancellationError`.
  func record(_ calls: [CallReport], for step: LeasedStep, timeout: Duration) async throws -> LinkAnswer
  /// Says that the leases of these steps are at work, at most `WorkerLimits.heartbeatsMax`. Throws `CancellationError`.
  func heartbeat(_ steps: [LeasedStep], timeout: Duration) async throws -> HeartbeatsAnswer
  /// Ends the attempt. Throws `CancellationError`.
  func deliver(_ outcome: AttemptOutcome, for step: LeasedStep) async throws -> LinkAnswer
}
