public import JSON

/// What a step asks of an agent.
public struct AgentInput: Sendable {
  /// The first message to the model.
  public let prompt: String
  /// What stands before it.
  public let system: String?
  /// The model, alias or tier.
  public let model: String
  /// The bound of an answer.
  public let outputTokensMax: Int64?

  /// Reads an input. A document without a prompt is the prompt itself; `context` is what earlier steps have found, and
  /// becomes named sections behind the prompt.
  public init(_ view: JSONView, model: String?) {
    if let asked = view["prompt"] {
      var prompt = ContextSections.text(of: asked)
      if let context = view["context"], !context.isNull {
        while prompt.last?.isWhitespace == true { prompt.removeLast() }
        prompt += "\n\nContext:\n\n" + ContextSections.render(context)
      }
      self.prompt = prompt
    } else {
      prompt = view.string ?? String(decoding: view.rawBytes, as: UTF8.self)
    }
    system = view["system"].flatMap { $0.isNull ? nil : ContextSections.text(of: $0) }
    let named = model ?? view["model"]?.string ?? ""
    self.model = named.isEmpty ? "default" : named
    outputTokensMax = view["max_output_tokens"]?.int
  }
}
