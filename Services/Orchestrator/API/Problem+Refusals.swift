internal import Decider
internal import HTTP
internal import HTTPWire
internal import Postgres
internal import Reactor
internal import RunEngine

extension Problem {
  /// The database is away or overloaded: nothing was promised, try again.
  static func unavailable(_ error: PostgresError) -> Problem {
    Problem(
      .serviceUnavailable, code: "storage_unavailable",
      error.outcomeUnknown
        ? "The database did not confirm the request; repeat it with the same Idempotency-Key to be sure."
        : "The database cannot be reached at the moment; nothing was changed. Try again shortly.",
      retryAfterSeconds: 1)
  }
}

extension Problem {
  /// Somebody changed it since it was read.
  static func outdated() -> Problem {
    Problem(
      .preconditionFailed, code: "outdated", "It was changed since you read it; read it again and repeat the change.")
  }
}

/// Runs a handler and turns the failures that every handler of this service can meet into problems.
func answering(_ body: () async throws -> HTTPResponse) async throws -> HTTPResponse {
  do {
    return try await body()
  } catch let error as PostgresError {
    if error.isTransient { throw Problem.unavailable(error) }
    throw error
  } catch let error as ReactorError where error.code == .overloaded {
    throw Problem(
      .serviceUnavailable, code: "overloaded", "Too many requests are waiting; try again shortly.", retryAfterSeconds: 1
    )
  } catch let refused as ChangeRefusal {
    throw Problem(refused)
  } catch let refused as TaskRefusal {
    throw Problem(.unprocessableContent, code: refused.code, refused.message)
  }
}

extension Problem {
  /// What a refused transition means for its caller.
  init(_ refused: ChangeRefusal) {
    switch refused {
    case .byDecider(.unknownSignal):
      self.init(
        .unprocessableContent, code: "unknown_signal", "No step of the run's workflow waits for a signal of this name.")
    case .byDecider(.tooManySignals):
      self.init(
        .tooManyRequests, code: "too_many_signals", "Too many signals wait for being used by the run; try again later.",
        retryAfterSeconds: 5)
    case .byDecider(.subjectDiffers):
      self.init(
        .conflict, code: "subject_differs",
        "What is to be approved has changed; read the approval again and decide on its subject_sha256.")
    case .byDecider(.alreadyPaused): self.init(.conflict, code: "already_paused", "The run is paused already.")
    case .byDecider(.notPaused): self.init(.conflict, code: "not_paused", "The run is not paused.")
    case .unreadable(let reason):
      self.init(.internalServerError, code: "unreadable_history", "The history of the run cannot be read: \(reason).")
    case .byStore(let error): self = .unavailable(error)
    case .unknownRun: self = .notFound("run")
    case .workflowGone:
      self.init(
        .conflict, code: "workflow_gone",
        "The document of the run's workflow is not there any more; the run can only be cancelled.")
    case .byDecider(.runEnded):
      self.init(.conflict, code: "run_ended", "The run has ended; nothing more happens to it.")
    case .byDecider(let reason):
      self.init(.conflict, code: "stale", "The request does not fit the state of the run (\(reason.rawValue)).")
    case .leaseLost:
      self.init(.conflict, code: "lease_lost", "The lease has ended or belongs to another worker; drop the attempt.")
    case .contended:
      self.init(
        .serviceUnavailable, code: "contended", "The run changes too quickly at the moment; try again.",
        retryAfterSeconds: 1)
    }
  }
}
