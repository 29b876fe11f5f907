public import Contracts
public import JSON

/// How the loop calls models.
public protocol ModelCalling: Sendable {
  /// Asks for a chat completion. Throws `AgentFailure` with a reason that a person understands, or what ends the
  /// attempt (`CancellationError`).
  func complete(_ request: [UInt8]) async throws -> ModelReply
}

/// How the loop records calls.
public protocol CallRecording: Sendable {
  /// Records calls. Returns when they are safe; throws `AgentFailure` when they can never be, or what ends the attempt.
  func record(_ calls: [CallReport]) async throws
}

/// An answer of a model, with what it consumed.
public struct ModelReply: Sendable {
  /// The chat completion.
  public let document: JSONDocument
  /// The model that answered, as the llm-router names it.
  public let model: String
  /// What it consumed, with calls before it that were broken off.
  public var usage: Usage
  /// How long it took.
  public let milliseconds: Int64

  /// Makes a reply.
  public init(document: JSONDocument, model: String, usage: Usage, milliseconds: Int64) {
    self.document = document
    self.model = model
    self.usage = usage
    self.milliseconds = milliseconds
  }
}

/// How an attempt ended, where it did not fail.
public enum AttemptEnd: Sendable {
  /// With an output.
  case delivered(AttemptResult)
  /// Not yet: people have to answer first. The next attempt goes on from the journal and the answers.
  case waiting(AttemptWait)
}

/// What an attempt delivers.
public struct AttemptResult: Sendable {
  /// The output document.
  public let output: [UInt8]
  /// Calls that were not recorded yet.
  public let calls: [CallReport]

  /// Makes a result.
  public init(output: [UInt8], calls: [CallReport]) {
    self.output = output
    self.calls = calls
  }
}

/// What an attempt waits for.
public struct AttemptWait: Sendable {
  /// What people are asked, 1 to `WorkerLimits.asksMax`.
  public let asks: [StepAsk]
  /// Calls that were not recorded yet.
  public let calls: [CallReport]

  /// Makes a wait.
  public init(asks: [StepAsk], calls: [CallReport]) {
    self.asks = asks
    self.calls = calls
  }
}

/// Thrown by ports when the process gives its steps back: what is under way is dropped, what is known is recorded, and
/// the attempt ends for another one to go on with it.
public struct AttemptReleased: Error, Sendable {
  /// Calls that are not recorded yet.
  public let calls: [CallReport]

  /// Makes the error.
  public init(calls: [CallReport] = []) { self.calls = calls }
}
