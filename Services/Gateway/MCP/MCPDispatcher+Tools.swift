internal import Contracts
internal import HTTP
internal import HTTPWire
internal import JSON
internal import JSONSchema
internal import MCP
internal import SystemSources
internal import Telemetry

extension MCPDispatcher {
  /// Calls a tool. One that waits is answered by a stream where the client takes one: its pauses are filled, progress
  /// is notified, and its end ends the wait, not the run.
  func callTool(_ call: MCPCall) async throws(Failure) -> HTTPResponse {
    let (entry, arguments) = try tool(of: call)
    let tool = entry.tool
    call.span.setAttribute("gen_ai.tool.name", .string(tool.rawValue))
    let violations = entry.schema.violations(of: arguments)
    guard violations.isEmpty else {
      let lines = violations.map { "- \($0)" }.joined(separator: "\n")
      return .json(
        .ok, finished(call, tool, ToolOutcome(failure: "invalid_arguments", "The arguments do not fit:\n" + lines)))
    }
    guard runner.wait(tool, arguments) > 0, call.exchange.takesStream else {
      return .json(.ok, await answer(call, tool, arguments) { _, _ in })
    }
    return .events { stream in
      let answer = await answer(call, tool, arguments) { (count, text) async throws in
        guard let token = call.context.progressToken else { return }
        let progress = MCPProgress(token: token, progress: Double(count), message: text)
        let message = MCPMessageWriter.notification(method: "notifications/progress") { progress.write(to: &$0) }
        try await stream.send(ServerSentEvent(event: "message", data: message))
      }
      try await stream.send(ServerSentEvent(event: "message", data: answer))
    }
  }

  private func tool(of call: MCPCall) throws(Failure) -> (ToolCatalog.Entry, JSONView) {
    guard let params = call.request.params, let name = params["name"]?.string else {
      throw Failure(code: MCPErrorCode.invalidParams, message: "params.name is missing.")
    }
    guard let entry = catalog[name] else {
      throw Failure(
        code: MCPErrorCode.invalidParams, message: "There is no tool \(MCPText.plain(name, bytesMax: 64)).")
    }
    guard let arguments = params["arguments"], !arguments.isNull else { return (entry, catalog.noArguments.root) }
    guard arguments.kind == .object else {
      throw Failure(code: MCPErrorCode.invalidParams, message: "params.arguments is no object.")
    }
    return (entry, arguments)
  }

  /// The message that answers the call.
  private func answer(
    _ call: MCPCall, _ tool: PlatformTool, _ arguments: JSONView,
    _ progress: (Int64, String) async throws -> Void
  ) async -> [UInt8] {
    do {
      let outcome = try await call.exchange.calling(tool.call(arguments)) {
        try await runner.run(
          tool, arguments, as: call.exchange.caller, trace: call.span.context, since: call.exchange.request.receivedAt,
          progress)
      }
      return finished(call, tool, outcome)
    } catch let problem as Problem {
      return finished(call, tool, ToolOutcome(problem))
    } catch {
      // Nobody reads the answer any more.
      return finished(call, tool, ToolOutcome(failure: "cancelled", "The client has gone."))
    }
  }

  private func finished(_ call: MCPCall, _ tool: PlatformTool, _ outcome: ToolOutcome) -> [UInt8] {
    let word =
      switch outcome.failure {
      case nil: "ok"
      case "invalid_arguments", "cancelled": outcome.failure ?? ""
      default: "failed"
      }
    metrics.called(tool, word, nanoseconds: MonotonicClock.now() &- call.exchange.request.receivedAt)
    metrics.answered(call.request.method, call.context.revision, code: nil)
    if let failure = outcome.failure { call.span.recordError(type: failure, message: outcome.text) }
    call.span.end()
    return success(call) { outcome.write(stateless: call.context.isStateless, to: &$0) }
  }
}
