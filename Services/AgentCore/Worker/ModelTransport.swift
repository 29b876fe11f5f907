public import AgentLoop
public import Telemetry

/// What came of one try to call a model.
public enum ModelOutcome: Sendable {
  /// An answer.
  case answered(ModelReply)
  /// The llm-router has answered with an error.
  case refused(ModelRefusal)
  /// No connection: nothing was sent.
  case unreachable(reason: String)
  /// The connection ended before the answer was there: a provider may have been paid.
  case broken(reason: String)
  /// No answer came in time.
  case timedOut
  /// A success that cannot be read.
  case unreadable(AgentFailure)
}

/// An error of the llm-router.
public struct ModelRefusal: Sendable {
  /// The HTTP status.
  public let status: Int
  /// A stable name.
  public let code: String
  /// A sentence.
  public let message: String
  /// What the router says about another try; `nil` when it does not say.
  public let shouldRetry: Bool?
  /// What it asks to wait.
  public let retryAfterSeconds: Int64?
  /// Whether it starts or ends, and has done nothing.
  public let isNotServing: Bool

  /// Makes a refusal.
  public init(
    status: Int, code: String, message: String, shouldRetry: Bool? = nil, retryAfterSeconds: Int64? = nil,
    isNotServing: Bool = false
  ) {
    self.status = status
    self.code = code
    self.message = message
    self.shouldRetry = shouldRetry
    self.retryAfterSeconds = retryAfterSeconds
    self.isNotServing = isNotServing
  }
}

/// How models are called. One call is one try.
public protocol ModelTransport: Sendable {
  /// Asks for a chat completion on behalf of a step. Throws `CancellationError`.
  func send(_ request: [UInt8], for step: LeasedStep, trace: TraceContext) async throws -> ModelOutcome
}
