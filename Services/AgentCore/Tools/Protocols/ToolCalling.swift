public import Contracts
public import JSON

/// How the loop calls tools: first the decision, which is journalled, then the call. `ToolRunner` of `AgentToolCalls`
/// conforms.
public protocol ToolCalling: Sendable {
  /// The tools of a step, found once at its start. `wanted` is the list of the step's document; `nil` takes the
  /// defaults. Throws what a provider throws that cannot find out what it has.
  func catalog(for context: ToolContext, wanted: [String]?) async throws -> ToolCatalog

  /// Decides what becomes of a call that a model asks for. Makes no call. `earlier` finds a call of this step by its
  /// digest that was only read, has succeeded, and behind which nothing was written; see `ToolCallHistory`.
  func decide(
    _ request: ToolRequest, in catalog: ToolCatalog, _ context: ToolContext, earlier: ToolCallHistory
  ) async -> ToolVerdict

  /// Makes a call that was decided to run. Throws `CancellationError` only. The result is within the tool's limit; an
  /// `ask` in it is what a person has to answer before the call is made again.
  func run(_ call: DecidedToolCall, _ context: ToolContext) async throws -> ToolResult
}

/// A call as a model asks for it.
public struct ToolRequest: Sendable {
  /// The name that the model has written.
  public let name: String
  /// The arguments that the model has written; they may be anything.
  public let arguments: String
  /// The same for every try of the same call: made of step, turn and position.
  public let idempotencyKey: String
  /// What people have answered to this call.
  public let answers: [ToolAnswer]
  /// The step's list of tools and risks that need an approval.
  public let approve: Set<String>

  /// Makes a request.
  public init(
    name: String, arguments: String, idempotencyKey: String, answers: [ToolAnswer] = [], approve: Set<String> = []
  ) {
    self.name = name
    self.arguments = arguments
    self.idempotencyKey = idempotencyKey
    self.answers = answers
    self.approve = approve
  }
}

/// What becomes of a call.
public struct ToolVerdict: Sendable {
  /// What happens next.
  public enum Action: Sendable {
    /// The call is made.
    case run(DecidedToolCall)
    /// The call is not made; the model gets this result.
    case deny(ToolResult)
    /// A person is asked first.
    case ask(ToolAsk)
    /// The result of an earlier call is given again: its index in the journal.
    case answerFromBefore(Int)
  }

  /// What happens next.
  public let action: Action
  /// What the policy has decided; `nil` when it was not asked. Belongs into the journal as the note `policy`.
  public let decision: PolicyDecision?
  /// The definition that was found.
  public let definition: ToolDefinition?

  /// Makes a verdict.
  public init(_ action: Action, decision: PolicyDecision? = nil, definition: ToolDefinition? = nil) {
    self.action = action
    self.decision = decision
    self.definition = definition
  }
}

/// A call that may be made.
public struct DecidedToolCall: Sendable {
  /// The tool.
  public let definition: ToolDefinition
  /// The arguments, which fit its schema.
  public let arguments: JSONDocument
  /// Digest of name and canonical arguments: identical calls have the same.
  public let digest: String
  /// The same for every try of the same call.
  public let idempotencyKey: String
  /// What people have answered to this call.
  public let answers: [ToolAnswer]
  /// What runs it.
  public let executor: any ToolExecutor

  /// Makes a call.
  public init(
    definition: ToolDefinition, arguments: JSONDocument, digest: String, idempotencyKey: String,
    answers: [ToolAnswer], executor: any ToolExecutor
  ) {
    self.definition = definition
    self.arguments = arguments
    self.digest = digest
    self.idempotencyKey = idempotencyKey
    self.answers = answers
    self.executor = executor
  }
}
