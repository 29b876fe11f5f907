package import SandboxProtocol

/// What is to be run.
package struct SandboxJob: Sendable {
  /// Whose it is, and what it shares state with.
  package var session: SessionKey
  /// What runs it.
  package var kind: WorkerKind
  /// The request, but for its id.
  package var request: RunRequest
  /// Files that are copied into the scratch folder.
  package var files: [SandboxFile]

  /// Makes a job.
  package init(session: SessionKey, kind: WorkerKind, request: RunRequest, files: [SandboxFile] = []) {
    self.session = session
    self.kind = kind
    self.request = request
    self.files = files
  }
}

/// How a job has ended.
package struct SandboxResult: Sendable {
  /// Whether it ran.
  package enum Ending: Sendable, Hashable {
    /// It ran, or was about to.
    case ran(RunOutcome)
    /// There was no room for it, or no worker.
    case refused(JobRefusal)
    /// This process has no sandbox that may be used.
    case unavailable(SandboxState)
  }

  /// How it has ended.
  package var ending: Ending
  /// What the worker has reported: output, result, metering. Empty when it was killed.
  package var report: RunReport
  /// Why the worker was killed.
  package var cause: JobStateMachine.KillCause?
  /// Plain files that are new or changed.
  package var files: [SandboxFile] = []
  /// What was in the scratch folder and not taken.
  package var skipped: [SkippedFile] = []
  /// Whether the session's worker of the job before was still there.
  package var isContinued = false
  /// The time from the submission to the worker, in microseconds.
  package var queueMicroseconds: Int64 = 0
  /// The layers of the worker's jail; `nil` when it did not run.
  package var layers: SandboxLayers?

  /// The stable word: an outcome, `sandbox_busy` or `sandbox_unavailable`.
  package var code: String {
    switch ending {
    case .ran(let outcome): outcome.rawValue
    case .refused(.cannotStart), .unavailable: "sandbox_unavailable"
    case .refused: "sandbox_busy"
    }
  }
}

/// Whether this process can run code.
package enum SandboxState: String, Sendable, Hashable {
  /// The self-test runs.
  case starting
  /// It serves.
  case serving
  /// It is switched off, or the engine or the launcher is not installed.
  case absent
  /// Workers do not start.
  case failing
  /// An escape of the self-test has succeeded.
  case unsafe
  /// It has ended.
  case ended
}
