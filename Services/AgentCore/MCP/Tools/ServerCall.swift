internal import AgentTools
internal import AgentWorkspace
internal import Contracts
internal import Crypto
internal import JSON
internal import JSONSchema
internal import MCP
internal import Primitives
internal import Telemetry

/// One call of a tool, on the loop of its server.
struct ServerCall: Sendable {
  let runner: ServerRunner
  let definition: ToolDefinition
  let call: ToolInvocation

  private var limits: MCPLimits { runner.environment.configuration.limits }
  private var deadline: UInt64 { call.context.deadline }

  func run() async throws(MCPError) -> CallOutcome {
    let parent = call.context.traceparent.flatMap { TraceContext(traceparent: $0) }
    let span = runner.environment.telemetry.tracer.startSpan("mcp_call", kind: .client, parent: parent)
    span.setAttribute("cadre.mcp.server", .string(runner.server.id.description))
    span.setAttribute("gen_ai.tool.name", .string(definition.name))
    defer { span.end() }
    do throws(MCPError) {
      return try await runner.use(WorkspaceStep(call.context), deadline: deadline) {
        (connection, catalogue) throws(MCPError) in
        guard let entry = catalogue.entries[definition.name] else {
          throw MCPError(.notApproved, "the server does not offer this tool any more")
        }
        guard entry.sha256 == definition.sha256 else {
          throw MCPError(
            .notApproved, "the server has changed this tool since it was approved; a person has to approve it")
        }
        return try await make(connection, entry, span.isRecording ? span.context.traceparent : call.context.traceparent)
      }
    } catch {
      span.recordError(type: error.reason.rawValue, message: error.message)
      throw error
    }
  }

  private func make(
    _ connection: any MCPConnection, _ entry: ServerCatalogue.Entry, _ trace: String?
  ) async throws(MCPError) -> CallOutcome {
    let arguments = call.arguments
    switch entry.target {
    case .tool(let tool):
      var request = ClientRequest("tools/call", name: tool.name, deadline: deadline, traceparent: trace) { writer in
        writer.member("name", tool.name)
        writer.member("arguments", raw: arguments.root.rawBytes)
      }
      request.headers = entry.headers?.headers(for: arguments.root) ?? []
      return try await rounds(connection, request) { (result) throws(MCPError) in try finish(result, entry) }
    case .readResource:
      let uri = arguments.root["uri"]?.string ?? ""
      let request = ClientRequest("resources/read", name: uri, deadline: deadline, traceparent: trace) {
        $0.member("uri", uri)
      }
      return try await rounds(connection, request) { (result) throws(MCPError) in
        rendered(try MCPToolResult.contents(ofResource: result, limits: limits))
      }
    case .getPrompt:
      let name = arguments.root["name"]?.string ?? ""
      let request = ClientRequest("prompts/get", name: name, deadline: deadline, traceparent: trace) { writer in
        writer.member("name", name)
        if let values = arguments.root["arguments"] { writer.member("arguments", raw: values.rawBytes) }
      }
      return try await rounds(connection, request) { (result) throws(MCPError) in
        var content: [MCPContent] = []
        for message in try MCPToolResult.messages(ofPrompt: result, limits: limits) {
          content += [.text("\(message.role):"), message.content]
        }
        return rendered(content)
      }
    case .listResources: return try await listResources(connection, trace)
    case .listPrompts: return try await listPrompts(connection, trace)
    }
  }

  /// Sends the request, again with answers as long as the server asks for input that is there.
  private func rounds(
    _ connection: any MCPConnection, _ request: ClientRequest,
    _ finish: (JSONView) throws(MCPError) -> CallOutcome
  ) async throws(MCPError) -> CallOutcome {
    var responses: [UInt8]?
    var state: String?
    for _ in 0...ElicitationRound.roundsMax {
      let (sentResponses, sentState) = (responses, state)
      var again = ClientRequest(
        request.method, name: request.name, deadline: request.deadline, traceparent: request.traceparent
      ) { writer in
        request.params(&writer)
        if let sentResponses { writer.member("inputResponses", raw: sentResponses) }
        writer.member("requestState", ifPresent: sentState)
      }
      again.headers = request.headers
      let result = try await runner.measured(connection, again)
      guard let required = try MCPInputRequired(result, limits: limits) else { return try finish(result) }
      guard connection.revision?.era == .stateless else {
        throw MCPError(.invalidResult, "the result asks for input, which this revision does not allow")
      }
      let round = try ElicitationRound(
        required, server: runner.server.name, tool: definition.name, limits: limits)
      switch try round.next(call.answers) {
      case .ask(let ask): return .ask(ask)
      case .send(let inputResponses, let requestState):
        responses = inputResponses
        state = requestState
      }
    }
    throw MCPError(.inputRequired, "the server asks for input again and again")
  }

  private func finish(_ result: JSONView, _ entry: ServerCatalogue.Entry) throws(MCPError) -> CallOutcome {
    let found = try MCPToolResult(result, limits: limits)
    if let schema = entry.outputSchema, !found.isError {
      guard let structured = found.structured else {
        throw MCPError(.outputSchema, "the result has no structured content, which the tool's output schema promises")
      }
      if let violation = schema.violations(of: structured).first {
        throw MCPError(.outputSchema, "the result does not fit the tool's output schema: \(violation)")
      }
    }
    return rendered(found.content, structured: found.structured, isError: found.isError)
  }

  private func rendered(_ content: [MCPContent], structured: JSONView? = nil, isError: Bool = false) -> CallOutcome {
    // The same call gives the same names, so a repetition makes no second file.
    let digest = Hex.encode(Digest.sha256(Array(call.idempotencyKey.utf8))).prefix(12)
    return .result(
      ResultRendering(content, structured: structured, prefix: "\(definition.name)-\(digest)"),
      data: structured.map { Array($0.rawBytes) }, isError: isError)
  }

  private func listResources(_ connection: any MCPConnection, _ trace: String?) async throws(MCPError) -> CallOutcome {
    let limits = limits
    var found = ListCollector<MCPResource>(entriesMax: runner.environment.configuration.listMax)
    try await runner.pages("resources/list", connection, deadline, trace) { (result) throws(MCPError) in
      try found.take(MCPListPage<MCPResource>(resources: result, limits: limits))
    }
    var templates = ListCollector<MCPResource>(entriesMax: runner.environment.configuration.listMax)
    do throws(MCPError) {
      try await runner.pages("resources/templates/list", connection, deadline, trace) { (result) throws(MCPError) in
        try templates.take(MCPListPage<MCPResource>(templates: result, limits: limits))
      }
    } catch { if error.reason != .methodNotFound { throw error } }
    var rendering = ResultRendering()
    for resource in found.entries { rendering.line(ServerCall.line(resource, "")) }
    for template in templates.entries { rendering.line(ServerCall.line(template, "template ")) }
    if rendering.text.isEmpty { rendering.line("(no resources)") }
    return .result(rendering, data: nil, isError: false)
  }

  private static func line(_ resource: MCPResource, _ kind: String) -> String {
    let type = resource.mediaType.map { " (\($0))" } ?? ""
    return "\(kind)\(resource.uri)\(type): \(resource.description ?? resource.name)"
  }

  private func listPrompts(_ connection: any MCPConnection, _ trace: String?) async throws(MCPError) -> CallOutcome {
    let limits = limits
    var found = ListCollector<MCPPrompt>(entriesMax: runner.environment.configuration.listMax)
    try await runner.pages("prompts/list", connection, deadline, trace) { (result) throws(MCPError) in
      try found.take(MCPListPage<MCPPrompt>(prompts: result, limits: limits))
    }
    var rendering = ResultRendering()
    for prompt in found.entries {
      let names = prompt.arguments.map { $0.isRequired ? $0.name : "\($0.name)?" }.joined(separator: ", ")
      rendering.line("\(prompt.name)(\(names)): \(prompt.description ?? "")")
    }
    if rendering.text.isEmpty { rendering.line("(no prompts)") }
    return .result(rendering, data: nil, isError: false)
  }
}
