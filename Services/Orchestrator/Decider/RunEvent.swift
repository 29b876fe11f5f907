public import Contracts

/// The digest under which a payload is stored (SHA-256), and its size. Histories name payloads, they do not repeat
/// them.
public struct PayloadRef: Hashable, Sendable {
  /// SHA-256 of the bytes, 64 hexadecimal digits.
  public let sha256: String
  /// Size in bytes.
  public let bytes: Int

  /// Makes a reference.
  public init(sha256: String, bytes: Int) {
    self.sha256 = sha256
    self.bytes = bytes
  }
}

/// Why a step or a run failed, for programs (`code`) and for people (`message`).
public struct Failure: Hashable, Sendable {
  /// Stable name, for example `provider_unreachable`.
  public let code: String
  /// What happened and what to do about it.
  public let message: String
  /// Whether another attempt may succeed.
  public let isRetryable: Bool

  /// Makes a failure.
  public init(code: String, message: String, isRetryable: Bool) {
    self.code = code
    self.message = message
    self.isRetryable = isRetryable
  }
}

/// One recorded model or tool call: the journal entry by which a resumed attempt avoids paying twice.
public struct CallRecord: Hashable, Sendable {
  /// What was called.
  public enum Kind: String, Hashable, Sendable {
    /// A model, through the llm-router.
    case model
    /// A tool.
    case tool
  }

  /// What was called.
  public let kind: Kind
  /// Position among the calls of its step, from 0.
  public let index: Int
  /// The model or tool.
  public let name: String
  /// SHA-256 of the canonical request; a resumed attempt whose request differs has diverged.
  public let requestSHA256: String
  /// The recorded answer.
  public let result: PayloadRef
  /// What the call consumed.
  public let usage: Usage
  /// How long it took, in milliseconds.
  public let durationMilliseconds: Int64

  /// Makes a record.
  public init(
    kind: Kind, index: Int, name: String, requestSHA256: String, result: PayloadRef, usage: Usage,
    durationMilliseconds: Int64
  ) {
    self.kind = kind
    self.index = index
    self.name = name
    self.requestSHA256 = requestSHA256
    self.result = result
    self.usage = usage
    self.durationMilliseconds = durationMilliseconds
  }
}

/// One fact of a run's history. The history is the only truth about a run; everything else is derived from it.
public enum RunEvent: Hashable, Sendable {
  /// The run was accepted.
  case runCreated(workflow: String, version: Int, input: PayloadRef)
  /// A step may be leased, after `delayMilliseconds`.
  case stepReady(step: String, attempt: Int, delayMilliseconds: Int64)
  /// A worker has leased the step.
  case stepStarted(step: String, attempt: Int, worker: String)
  /// A call was recorded.
  case callRecorded(step: String, attempt: Int, CallRecord)
  /// The attempt delivered a result.
  case stepSucceeded(step: String, attempt: Int, output: PayloadRef)
  /// The attempt failed.
  case stepFailed(step: String, attempt: Int, Failure)
  /// The worker was not heard of until its lease ended.
  case stepLost(step: String, attempt: Int, worker: String)
  /// The run ended with a result.
  case runSucceeded(output: PayloadRef)
  /// The run ended without a result.
  case runFailed(step: String, Failure)
  /// Somebody asked for the end of the run.
  case cancelRequested(by: String, reason: String)
  /// The run ended on request.
  case runCancelled

  /// The name of the event on the wire and in the store.
  public var type: String {
    switch self {
    case .runCreated: "run.created"
    case .stepReady: "step.ready"
    case .stepStarted: "step.started"
    case .callRecorded(_, _, let call): call.kind == .model ? "model.called" : "tool.called"
    case .stepSucceeded: "step.succeeded"
    case .stepFailed: "step.failed"
    case .stepLost: "step.lost"
    case .runSucceeded: "run.succeeded"
    case .runFailed: "run.failed"
    case .cancelRequested: "run.cancel_requested"
    case .runCancelled: "run.cancelled"
    }
  }

  /// The step that the event is about.
  public var step: String? {
    switch self {
    case .stepReady(let step, _, _), .stepStarted(let step, _, _), .callRecorded(let step, _, _),
      .stepSucceeded(let step, _, _), .stepFailed(let step, _, _), .stepLost(let step, _, _):
      step
    case .runCreated, .runSucceeded, .runFailed, .cancelRequested, .runCancelled: nil
    }
  }
}
