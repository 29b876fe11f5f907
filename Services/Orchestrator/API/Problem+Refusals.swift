internal import APIKit
internal import Contracts
internal import Decider
package import HTTP
internal import Postgres
package import RunEngine
package import RunStorage

extension ChangeRefusal: ProblemConvertible {
  /// What a refused transition means for its caller.
  package var problem: Problem {
    switch self {
    case .byDecider(.unknownSignal):
      Problem(.unknownSignal, "No step of the run's workflow waits for a signal of this name.")
    case .byDecider(.tooManySignals):
      Problem(
        .tooManySignals, "Too many signals wait for being used by the run; try again later.", retryAfterSeconds: 5)
    case .byDecider(.subjectDiffers):
      Problem(
        .subjectDiffers, "What is to be approved has changed; read the approval again and decide on its subject_sha256."
      )
    case .byDecider(.alreadyAnswered): Problem(.alreadyDecided, "Somebody else was faster, or its time is over.")
    case .byDecider(.alreadyPaused): Problem(.alreadyPaused, "The run is paused already.")
    case .byDecider(.notPaused): Problem(.notPaused, "The run is not paused.")
    case .byDecider(.runEnded): Problem(.runEnded, "The run has ended; nothing more happens to it.")
    case .byDecider(let reason):
      Problem(.stale, "The request does not fit the state of the run (\(reason.rawValue)).")
    case .unreadable(let reason): Problem(.unreadableHistory, "The history of the run cannot be read: \(reason).")
    case .byStore(let error): .unavailable(outcomeUnknown: error.outcomeUnknown)
    case .unknownRun: .notFound("run")
    case .workflowGone:
      Problem(
        .workflowGone, "The document of the run's workflow is not there any more; the run can only be cancelled.")
    case .leaseLost: Problem(.leaseLost, "The lease has ended or belongs to another worker; drop the attempt.")
    case .contended:
      Problem(.contended, "The run changes too quickly at the moment; try again.", retryAfterSeconds: 1)
    }
  }
}

extension TaskRefusal: ProblemConvertible {
  package var problem: Problem { Problem(code, message) }
}

extension RunForks.Impossible: ProblemConvertible {
  package var problem: Problem { Problem(code, message) }
}

extension NameTaken: ProblemConvertible {
  package var problem: Problem { Problem(.nameTaken, "Another \(kind) has this name.") }
}
