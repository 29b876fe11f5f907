/// Where a tool comes from.
public enum ToolSource: Hashable, Sendable, CustomStringConvertible {
  /// Part of the platform.
  case builtIn
  /// Uploaded by a user of the tenant.
  case user
  /// Offered by a registered MCP server.
  case mcp(server: String)

  private static let mcpPrefix = "mcp:"
  private static let serverBytesMax = 100

  /// The wire form: `built_in`, `user` or `mcp:SERVER`.
  public var description: String {
    switch self {
    case .builtIn: "built_in"
    case .user: "user"
    case .mcp(let server): ToolSource.mcpPrefix + server
    }
  }

  /// The kind alone, bounded: a label of metrics.
  public var kind: String {
    switch self {
    case .builtIn: "built_in"
    case .user: "user"
    case .mcp: "mcp"
    }
  }

  /// Reads the wire form; `nil` for anything else.
  public init?(_ text: String) {
    switch text {
    case "built_in": self = .builtIn
    case "user": self = .user
    default:
      guard text.hasPrefix(ToolSource.mcpPrefix) else { return nil }
      let server = text.dropFirst(ToolSource.mcpPrefix.count)
      guard !server.isEmpty, server.utf8.count <= ToolSource.serverBytesMax, !server.utf8.contains(0) else {
        return nil
      }
      self = .mcp(server: String(server))
    }
  }
}
