public import Contracts

/// Runs the calls of a tool.
public protocol ToolExecutor: Sendable {
  /// Makes one call. Throws `CancellationError` only: faults of arguments, time-outs and lost connections are results.
  func run(_ call: ToolInvocation) async throws -> ToolResult

  /// Digest of the code that runs, where it can change without its definition; empty otherwise.
  var codeSHA256: String { get }
}

extension ToolExecutor {
  /// Nothing that could change.
  public var codeSHA256: String { "" }
}

/// A source of tools: the built-ins, a tenant's own tools, one MCP server.
public protocol ToolProvider: Sendable {
  /// The tools that it has for a step at the moment. Must answer soon from what it knows; what takes long belongs into
  /// the executor. Throws `WorkspaceError` when it cannot find out, or `CancellationError`.
  func tools(for context: ToolContext) async throws -> [(ToolDefinition, any ToolExecutor)]

  /// The same for a step with this list of tools: what it cannot mean need not be looked up.
  func tools(for context: ToolContext, wanted: [String]?) async throws -> [(ToolDefinition, any ToolExecutor)]
}

extension ToolProvider {
  /// All of them, whatever is wanted.
  public func tools(for context: ToolContext, wanted: [String]?) async throws -> [(ToolDefinition, any ToolExecutor)] {
    try await tools(for: context)
  }
}
