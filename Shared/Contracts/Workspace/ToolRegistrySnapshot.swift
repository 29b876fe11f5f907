public import JSON

/// The tools and MCP servers that a tenant has beside the built-in tools, as a worker reads them.
public struct ToolRegistrySnapshot: Hashable, Sendable {
  /// Changes with every change of what is below.
  public let revision: String
  /// The tools of users.
  public let tools: [UserTool]
  /// The MCP servers.
  public let servers: [RegisteredMCPServer]

  /// Makes a snapshot.
  public init(revision: String, tools: [UserTool], servers: [RegisteredMCPServer]) {
    self.revision = revision
    self.tools = tools
    self.servers = servers
  }

  /// Reads a snapshot; what cannot be used is left out. `nil` without a revision.
  public init?(_ view: JSONView) {
    guard let revision = view["revision"]?.string else { return nil }
    self.init(
      revision: revision, tools: view["tools"]?.elements.compactMap { UserTool($0) } ?? [],
      servers: view["mcp_servers"]?.elements.compactMap { RegisteredMCPServer($0) } ?? [])
  }

  /// Writes the members of the document.
  public func writeMembers(to writer: inout JSONWriter) {
    writer.member("revision", revision)
    writer.objects("tools", tools) { $0.writeMembers(to: &$1) }
    writer.objects("mcp_servers", servers) { $0.writeMembers(to: &$1) }
  }
}
