public import AgentTools
internal import Contracts
internal import JSON

/// The calculator alone, for where no other tools are configured.
public struct CalculatorTools: ToolCalling {
  private struct Executor: ToolExecutor {
    func run(_ call: ToolInvocation) async throws -> ToolResult {
      let text = Toolbox.run("calculate", arguments: String(decoding: call.arguments.bytes, as: UTF8.self))
      return text.hasPrefix("error: ")
        ? ToolResult(text: text, isError: true, code: "arguments_invalid") : ToolResult(text: text)
    }
  }

  /// Makes the tools.
  public init() {}

  /// The calculator.
  public func catalog(for context: ToolContext, wanted: [String]?) async -> ToolCatalog {
    ToolCatalog(BuiltInTools.named("calculator").map { [.init($0, Executor())] } ?? [])
  }

  /// It may always be called.
  public func decide(
    _ request: ToolRequest, in catalog: ToolCatalog, _ context: ToolContext, earlier: ToolCallHistory
  ) async -> ToolVerdict {
    guard let entry = catalog.entry(request.name), let arguments = try? JSONDocument(parsing: request.arguments) else {
      return ToolVerdict(.deny(ToolResult(text: "error: there is no tool of this name", isError: true)))
    }
    return ToolVerdict(
      .run(
        DecidedToolCall(
          definition: entry.definition, arguments: arguments, digest: "", idempotencyKey: request.idempotencyKey,
          answers: request.answers, executor: entry.executor)))
  }

  /// Computes.
  public func run(_ call: DecidedToolCall, _ context: ToolContext) async throws -> ToolResult {
    try await call.executor.run(
      ToolInvocation(
        name: call.definition.name, arguments: call.arguments, context: context,
        idempotencyKey: call.idempotencyKey, answers: call.answers))
  }
}
