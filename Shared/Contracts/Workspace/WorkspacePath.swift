/// The addresses at which workers reach the artefacts, memories and tools of a step.
public enum WorkspacePath {
  /// The header field with the fencing token of the lease.
  public static let leaseToken = "x-cadre-lease-token"

  /// The artefacts of the step's run.
  public static func artefacts(_ step: String) -> String { "/worker/v1/steps/\(step)/artefacts" }
  /// One of them; `name` is percent-encoded, its slashes stay.
  public static func artefact(_ step: String, _ name: String) -> String { "\(artefacts(step))/\(name)" }
  /// Memories of the step's project.
  public static func memories(_ step: String) -> String { "/worker/v1/steps/\(step)/memories" }
  /// Where they are searched.
  public static func memorySearch(_ step: String) -> String { "\(memories(step))/search" }
  /// Tools and MCP servers of the step's tenant.
  public static func registry(_ step: String) -> String { "/worker/v1/steps/\(step)/registry" }
  /// The source of a user's tool.
  public static func toolSource(_ step: String, _ tool: String) -> String {
    "/worker/v1/steps/\(step)/tools/\(tool)/source"
  }
  /// The secrets of an MCP server.
  public static func mcpSecrets(_ step: String, _ server: String) -> String {
    "/worker/v1/steps/\(step)/mcp-servers/\(server)/secrets"
  }
  /// Where workers say how an MCP server is and what it offers.
  public static func mcpReport(_ server: String) -> String { "/worker/v1/mcp-servers/\(server)/report" }
}
