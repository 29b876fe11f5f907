internal import JSON

/// What of a provider's request a count of its tokens takes.
public enum TokenCountRequest {
  private static let members: [Dialect: Set<String>] = [
    .messages: ["model", "messages", "system", "tools", "tool_choice", "thinking", "output_config", "mcp_servers"],
    .responses: [
      "model", "input", "instructions", "tools", "tool_choice", "parallel_tool_calls", "reasoning", "text",
      "truncation", "previous_response_id", "conversation",
    ],
  ]

  /// The body of the count of a request in a provider's dialect.
  public static func body(_ request: [UInt8], _ wire: Dialect) -> [UInt8] {
    guard let members = members[wire], let root = try? JSONDocument(parsing: request).root else { return request }
    return JSONNode.object(JSONNode.view(root).members.filter { members.contains($0.key) }).bytes
  }
}
