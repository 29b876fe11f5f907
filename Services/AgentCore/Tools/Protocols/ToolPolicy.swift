public import Contracts
public import JSON

/// Decides whether a call may be made.
public protocol ToolPolicy: Sendable {
  /// Decides on a call whose arguments fit the schema. What cannot be decided is denied.
  func decide(_ call: ToolPolicyInput, _ context: ToolContext) async -> PolicyDecision
}

/// What a policy decides about.
public struct ToolPolicyInput: Sendable {
  /// The tool.
  public let definition: ToolDefinition
  /// The arguments.
  public let arguments: JSONDocument
  /// The step's own list of tools and risks that need an approval: a risk, or `tool:NAME`.
  public let approve: Set<String>

  /// Makes an input.
  public init(definition: ToolDefinition, arguments: JSONDocument, approve: Set<String>) {
    self.definition = definition
    self.arguments = arguments
    self.approve = approve
  }
}

/// What a policy has decided, and by which rule.
public struct PolicyDecision: Hashable, Sendable {
  /// What happens with the call.
  public enum Effect: String, Hashable, Sendable {
    /// It is made.
    case allow
    /// It is not made, and the model reads why.
    case deny
    /// A person decides.
    case ask
  }

  /// What happens with the call.
  public let effect: Effect
  /// The rule that decided, a stable name such as `tools.allowed_risks`.
  public let rule: String
  /// A sentence for people and the model.
  public let reason: String

  /// Makes a decision.
  public init(_ effect: Effect, rule: String, reason: String) {
    self.effect = effect
    self.rule = rule
    self.reason = reason
  }
}
