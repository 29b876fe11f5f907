/// Whether a refusal means that the model cannot use tools, in the words of the llm-router and of providers.
enum ToolRefusal {
  private static let reasons = [
    "support", "not enabled", "isn't enabled", "not available", "not allowed", "not permitted", "requires --",
    "param requires",
  ]

  static func isMeant(by failure: AgentFailure) -> Bool {
    let message = failure.message.lowercased()
    guard message.contains("tool") || message.contains("function call") else { return false }
    return failure.code == "capability_missing" || reasons.contains { message.contains($0) }
  }
}
