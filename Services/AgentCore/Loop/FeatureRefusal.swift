/// Whether a refusal means that the model cannot do something, in the words of the llm-router and of providers.
enum FeatureRefusal {
  private static let reasons = [
    "support", "not enabled", "isn't enabled", "not available", "not allowed", "not permitted", "requires --",
    "param requires",
  ]

  /// That it cannot use tools.
  static func meansTools(_ failure: AgentFailure) -> Bool {
    let message = failure.message.lowercased()
    guard message.contains("tool") || message.contains("function call") else { return false }
    return failure.code == "capability_missing" || reasons.contains { message.contains($0) }
  }

  /// That it takes no schema of the answer.
  static func meansSchema(_ failure: AgentFailure) -> Bool {
    let message = failure.message.lowercased()
    guard
      ["json_schema", "response_format", "output_config", "structured output"].contains(where: { message.contains($0) })
    else { return false }
    return failure.code == "capability_missing" || failure.code == "provider_refused"
      || reasons.contains { message.contains($0) }
  }
}
