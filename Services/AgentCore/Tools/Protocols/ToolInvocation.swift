public import JSON

/// One call of a tool, checked and allowed, as an executor gets it.
public struct ToolInvocation: Sendable {
  /// The name of the tool's definition.
  public let name: String
  /// The arguments: an object that fits the tool's schema.
  public let arguments: JSONDocument
  /// For whom it is called. Its deadline is that of this call.
  public let context: ToolContext
  /// The same for every try of the same call, so that a store can recognise it.
  public let idempotencyKey: String
  /// What people have answered to this call before, in the order of the questions.
  public let answers: [ToolAnswer]

  /// Makes an invocation.
  public init(
    name: String, arguments: JSONDocument, context: ToolContext, idempotencyKey: String, answers: [ToolAnswer] = []
  ) {
    self.name = name
    self.arguments = arguments
    self.context = context
    self.idempotencyKey = idempotencyKey
    self.answers = answers
  }
}
