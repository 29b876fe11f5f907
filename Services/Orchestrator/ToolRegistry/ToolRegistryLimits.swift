/// How much is kept of tools and servers, and what servers may be.
package struct ToolRegistryLimits: Sendable {
  /// Versions of tools of a tenant.
  package var toolsMax: Int64
  /// Bytes of their sources.
  package var toolBytesMax: Int64
  /// MCP servers of a tenant.
  package var serversMax: Int64
  /// Programs, by absolute path, that tenants may register as MCP servers: they run on the machines of the workers.
  package var allowedCommands: Set<String>

  package init(
    toolsMax: Int64 = 500, toolBytesMax: Int64 = 256 << 20, serversMax: Int64 = 32, allowedCommands: Set<String> = []
  ) {
    self.toolsMax = toolsMax
    self.toolBytesMax = toolBytesMax
    self.serversMax = serversMax
    self.allowedCommands = allowedCommands
  }
}

/// Why nothing was registered.
package enum RegistryRefusal: Error, Hashable {
  /// The tenant has no room for another tool.
  case toolQuota
  /// The tenant has no room for another server.
  case serverQuota
  /// Another server has the name.
  case nameTaken
  /// The operator does not allow the program.
  case commandNotAllowed
  /// There is no key to encrypt values with.
  case noKey
  /// The server is declared by the configuration and cannot be changed.
  case declared
  /// It was changed since it was read.
  case outdated
  /// The definition is another one by now.
  case definitionDiffers
  /// A report that does not fit the server.
  case unfitReport(String)
}
