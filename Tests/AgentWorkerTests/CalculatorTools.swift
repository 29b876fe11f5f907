import AgentTools
import AgentWorkspace
import Contracts
import JSON

/// A calculator that knows sums of two numbers.
struct CalculatorTools: ToolCalling {
  /// What is thrown when the tools are asked for.
  var fault: WorkspaceError?
  /// What is asked for and not there.
  var missing: [String] = []

  private struct Executor: ToolExecutor {
    func run(_ call: ToolInvocation) async throws -> ToolResult {
      let parts = (call.arguments.root["expression"]?.string ?? "").split(separator: "+").compactMap { Int($0) }
      guard parts.count == 2 else { return .failure(.invalidArguments, "not a sum") }
      return ToolResult(text: "\(parts[0] + parts[1])")
    }
  }

  func catalog(for context: ToolContext, wanted: [String]?) async throws -> ToolCatalog {
    if let fault { throw fault }
    return ToolCatalog(
      [BuiltInTools.named("calculator")].compactMap { $0 }.map { .init($0, Executor()) }, missing: missing)
  }

  func decide(
    _ request: ToolRequest, in catalog: ToolCatalog, _ context: ToolContext, earlier: ToolCallHistory
  ) async -> ToolVerdict {
    guard let entry = catalog.entry(request.name), let arguments = try? JSONDocument(parsing: request.arguments) else {
      return ToolVerdict(.deny(.failure(.unknownTool, "there is no tool of this name")))
    }
    if request.approve.contains("tool:\(entry.definition.name)"), request.answers.isEmpty {
      return ToolVerdict(.ask(ToolAsk(kind: .approval, tool: request.name, subject: arguments.bytes)))
    }
    return ToolVerdict(
      .run(
        DecidedToolCall(
          definition: entry.definition, arguments: arguments, digest: request.arguments,
          idempotencyKey: request.idempotencyKey, answers: request.answers, executor: entry.executor)))
  }

  func run(_ call: DecidedToolCall, _ context: ToolContext) async throws -> ToolResult {
    try await call.executor.run(
      ToolInvocation(
        name: call.definition.name, arguments: call.arguments, context: context,
        idempotencyKey: call.idempotencyKey, answers: call.answers))
  }
}
