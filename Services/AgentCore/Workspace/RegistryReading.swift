public import Contracts

/// The tools and MCP servers of a step's tenant. Every call throws `WorkspaceError` or `CancellationError`.
public protocol RegistryReading: Sendable {
  /// What is registered. Cheap to ask often: an answer that has not changed is not sent again.
  func registry(for step: WorkspaceStep) async throws -> ToolRegistrySnapshot

  /// The source of a user's tool. Its digest was checked. Sources are kept by digest, so a second call may answer
  /// without a request.
  func source(of tool: UserTool, for step: WorkspaceStep) async throws -> [UInt8]

  /// The values that reach an MCP server. Asked for when a connection is made, and kept no longer than that needs.
  func secrets(of server: MCPServerID, for step: WorkspaceStep) async throws -> MCPSecrets

  /// Says how an MCP server is and what it offers. The registry of the tenant may change by it.
  func report(_ report: MCPReport, on server: MCPServerID) async throws
}

extension RegistryReading {
  /// What is registered; `nil` when the orchestrator refuses to say. Throws when it cannot be reached: a step does not
  /// begin with fewer tools than it asks for because nobody has answered.
  public func registered(for step: WorkspaceStep) async throws -> ToolRegistrySnapshot? {
    do { return try await registry(for: step) } catch let error as WorkspaceError
      where error.kind != .unavailable && error.kind != .leaseLost
    {
      return nil
    }
  }
}
