/// What the artefacts, memories and tools of a tenant may hold. Quotas are settings of the orchestrator.
public enum WorkspaceLimits {
  /// Bytes of an artefact.
  public static let artefactBytesMax = 16 << 20
  /// Artefacts of one answer to a worker.
  public static let artefactsListedMax = 1000
  /// Bytes of the text of a memory.
  public static let memoryBytesMax = 16 << 10
  /// Tags of a memory.
  public static let memoryTagsMax = 16
  /// Bytes of a tag.
  public static let memoryTagBytesMax = 64
  /// Bytes of the key that makes storing a memory idempotent.
  public static let memoryKeyBytesMax = 200
  /// Bytes of a query.
  public static let memoryQueryBytesMax = 1000
  /// Memories of one answer to a search.
  public static let memoriesFoundMax = 50
  /// Bytes of the source of a user's tool: what the sandbox takes.
  public static let toolSourceBytesMax = 4 << 20
  /// Tools of one MCP server.
  public static let mcpToolsMax = 256
  /// Bytes of a report on an MCP server.
  public static let mcpReportBytesMax = 4 << 20
}
