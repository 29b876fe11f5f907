internal import JSON

/// How much a model is to think, in each dialect.
enum ReasoningEffort {
  /// The least that a model of Anthropic may think.
  private static let budgetMin: Int64 = 1024
  /// Room for the text of an answer beside its thoughts, where the caller gives no bound.
  private static let answerTokens: Int64 = 4096
  private static let budgets: [String: Int64] = [
    "minimal": 1024, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 32768, "max": 32768,
  ]

  // MARK: To chat completions

  /// `thinking` and `output_config.effort` of a message request as `reasoning_effort`.
  static func intoChat(_ root: JSONNode, _ body: inout JSONNode, _ context: inout RequestContext) {
    let thinking = root["thinking"]
    let effort = root["output_config"]?["effort"]?.string
    guard thinking != nil || effort != nil else { return }
    let isOff = thinking?["type"]?.string == "disabled"
    let requested: String? =
      if isOff { nil } else if let effort { effort } else if let budget = thinking?["budget_tokens"]?.int {
        budget < 4096 ? "low" : budget < 16384 ? "medium" : "high"
      } else { nil }
    if let requested, context.target.thinks {
      body.set("reasoning_effort", .string(nearest(requested, context.target.rules.efforts)))
      return
    }
    if effort != nil { context.omissions.add("output_config.effort") }
    if thinking != nil { context.omissions.add("thinking") }
  }

  /// The nearest word that the provider knows.
  static func nearest(_ requested: String, _ known: [String]) -> String {
    guard !known.contains(requested) else { return requested }
    let order = ["none", "minimal", "low", "medium", "high", "xhigh", "max"]
    guard let place = order.firstIndex(of: requested) else { return "medium" }
    // No more than `high` is known to all models of a provider.
    let below = order[..<place].last { known.contains($0) && $0 != "none" }
    return below.map { $0 == "xhigh" ? "high" : $0 } ?? order[place...].first { known.contains($0) } ?? "medium"
  }

  // MARK: To messages

  /// `reasoning_effort` of a chat completion request as `thinking`.
  static func intoMessages(_ root: JSONNode, _ body: inout JSONNode, _ context: inout RequestContext) {
    if let own = root["thinking"], own.kind == .object {
      body.set("thinking", own)
      return
    }
    guard let requested = root["reasoning_effort"]?.string, requested != "none" else { return }
    guard context.target.thinks else { return context.omissions.add("reasoning_effort") }
    switch context.model.thinking {
    case .none: context.omissions.add("reasoning_effort")
    case .adaptive:
      var thinking = JSONNode.typed("adaptive")
      if context.model.isAdaptiveOnly { thinking.set("display", .string("summarized")) }
      body.set("thinking", thinking)
      var config = body["output_config"] ?? .object([])
      config.set("effort", .string(nearest(requested, ["low", "medium", "high"])))
      body.set("output_config", config)
    case .budget: budget(requested, root, &body, &context)
    }
  }

  private static func budget(
    _ requested: String, _ root: JSONNode, _ body: inout JSONNode, _ context: inout RequestContext
  ) {
    var budget = budgets[requested] ?? 8192
    let isBounded = root["max_completion_tokens"] != nil || root["max_tokens"] != nil
    if !isBounded, context.target.outputTokensCap == nil {
      body.set("max_tokens", .int(min(context.target.outputTokensLimit ?? .max, budget + answerTokens)))
    }
    let bound = body["max_tokens"]?.int ?? 0
    if bound < budget + answerTokens { budget = min(budget, bound / 2) }
    guard budget >= budgetMin else { return context.omissions.add("reasoning_effort") }
    body.set("thinking", .typed("enabled", ("budget_tokens", .int(budget))))
  }
}
