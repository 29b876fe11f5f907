package import AgentTools
internal import AgentWorkspace
internal import Contracts
internal import JSON
package import MCP
internal import Reactor

/// Calls a tool of a server.
package struct MCPToolExecutor: ToolExecutor {
  /// What was approved.
  let definition: ToolDefinition
  let runner: ServerRunner
  let artefacts: any ArtefactStoring

  package func run(_ call: ToolInvocation) async throws -> ToolResult {
    let outcome: CallOutcome
    do {
      outcome = try await runner.loop.hop {
        try await ServerCall(runner: runner, definition: definition, call: call).run()
      }
    } catch let error as MCPError {
      if error.reason == .cancelled, Task.isCancelled { throw CancellationError() }
      return ToolResult.failure(ToolResultCode(error), error.description)
    } catch {
      try Task.checkCancellation()
      return ToolResult.failure(.internalError, "the call failed")
    }
    switch outcome {
    case .ask(let ask): return .waiting(for: ask)
    case .result(let rendering, let data, let isError): return try await store(rendering, data, isError, call)
    }
  }

  /// Stores the files of a result. Files that cannot be stored are said, and the text is there all the same.
  private func store(
    _ rendering: ResultRendering, _ data: [UInt8]?, _ isError: Bool, _ call: ToolInvocation
  ) async throws -> ToolResult {
    var rendering = rendering
    var stored: [ArtefactReference] = []
    for file in rendering.files {
      guard file.bytes.count <= WorkspaceLimits.artefactBytesMax, let name = ArtefactName("mcp/" + file.name) else {
        rendering.line("[\(file.name) was not stored: it is too large]")
        continue
      }
      do {
        stored.append(
          try await artefacts.put(
            name, file.bytes, mediaType: file.mediaType, for: WorkspaceStep(call.context)))
      } catch is CancellationError {
        throw CancellationError()
      } catch { rendering.line("[\(file.name) was not stored: \((error as? WorkspaceError)?.message ?? "it failed")]") }
    }
    return ToolResult(
      text: rendering.text, isError: isError, code: isError ? ToolResultCode.toolFailed.rawValue : nil,
      artefacts: stored, data: data)
  }
}

/// How a call ended.
enum CallOutcome: Sendable {
  /// With a result; structured content as JSON text.
  case result(ResultRendering, data: [UInt8]?, isError: Bool)
  /// A person is asked.
  case ask(ToolAsk)
}

extension ToolResultCode {
  /// The code of a result for an error of the protocol.
  package init(_ error: MCPError) {
    switch error.reason {
    case .timedOut: self = .timedOut
    case .refusedAddress: self = .addressRefused
    case .cannotStart, .overloaded, .unavailable: self = .unavailable
    case .messageTooLarge: self = .tooLarge
    case .invalidArguments: self = .invalidArguments
    case .notApproved: self = .denied
    case .refused, .failed, .inputRequired, .methodNotFound: self = .toolFailed
    default: self = error.kind == .protocol ? .protocolViolation : .unreachable
    }
  }
}
