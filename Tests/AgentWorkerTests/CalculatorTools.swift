import AgentTools
import Contracts
import JSON

/// The calculator alone, in virtual time, where there is no event loop.
struct CalculatorTools: ToolCalling {
  private struct Executor: ToolExecutor {
    func run(_ call: ToolInvocation) async throws -> ToolResult {
      switch CalculatorTool.evaluate(call.arguments.root["expression"]?.string ?? "") {
      case .success(let value): ToolResult(text: value)
      case .failure(let error): .failure(.invalidArguments, error.message)
      }
    }
  }

  /// The calculator.
  func catalog(for context: ToolContext, wanted: [String]?) async -> ToolCatalog {
    ToolCatalog(BuiltInTools.named("calculator").map { [.init($0, Executor())] } ?? [])
  }

  /// It may always be called.
  func decide(
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
  func run(_ call: DecidedToolCall, _ context: ToolContext) async throws -> ToolResult {
    try await call.executor.run(
      ToolInvocation(
        name: call.definition.name, arguments: call.arguments, context: context,
        idempotencyKey: call.idempotencyKey, answers: call.answers))
  }
}
