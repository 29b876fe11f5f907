public import Contracts

/// Runs the calls of a tool.
public protocol ToolExecutor: Sendable {
  /// Makes one call. Throws `CancellationError` only: faults of arguments, time-outs and lost connections are results.
  func run(_ call: ToolInvocation) async throws -> ToolResult
}

/// A source of tools: the built-ins, a tenant's own tools, one MCP server.
public protocol ToolProvider: Sendable {
  /// The tools that it has for a step at the moment. Must answer soon from what it knows; what takes long belongs into
  /// the executor.
  func tools(for context: ToolContext) async -> [(ToolDefinition, any ToolExecutor)]
}
