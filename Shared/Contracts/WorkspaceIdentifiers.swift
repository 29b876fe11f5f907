/// Names versions of artefacts.
public enum ArtefactKind: IdentifiedKind {
  /// `artefact`
  public static let prefix = "artefact"
}
/// Names memories.
public enum MemoryKind: IdentifiedKind {
  /// `memory`
  public static let prefix = "memory"
}
/// Names MCP servers.
public enum MCPServerKind: IdentifiedKind {
  /// `mcp`
  public static let prefix = "mcp"
}

/// A version of an artefact.
public typealias ArtefactID = ID<ArtefactKind>
/// A memory of a project.
public typealias MemoryID = ID<MemoryKind>
/// An MCP server of a tenant.
public typealias MCPServerID = ID<MCPServerKind>
