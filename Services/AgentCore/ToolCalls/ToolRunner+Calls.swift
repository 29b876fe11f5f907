public import AgentTools
internal import AgentWorkspace
internal import Contracts
internal import JSON
internal import Primitives
internal import Reactor
internal import Synchronization
internal import Telemetry

extension ToolRunner {
  /// The longest text that is kept as an artefact when it is too long for a model.
  private static let keptBytesMax = WorkspaceLimits.artefactBytesMax

  /// As `ToolCalling` says. Runs on the caller's event loop; the call ends at its deadline whatever its executor does.
  public func run(_ call: DecidedToolCall, _ context: ToolContext) async throws -> ToolResult {
    let definition = call.definition
    let key = CircuitBreakers.Key(tenant: context.tenant, definition, call.arguments)
    let started = clock.now()
    guard breakers.withLock({ $0.admit(key, at: started) }) else { return ToolRunner.circuitOpen(definition) }
    let parent = context.traceparent.flatMap { TraceContext(traceparent: $0) }
    let span = telemetry.tracer.startSpan("execute_tool \(ToolMetrics.label(definition))", parent: parent)
    var inner = context
    if span.isRecording || parent != nil { inner.traceparent = span.context.traceparent }
    let timeout = UInt64(clamping: definition.timeoutMilliseconds) &* 1_000_000
    inner.deadline = min(context.deadline, started.addingReportingOverflow(timeout).partialValue)
    let result: ToolResult
    do {
      result = try await finished(call, inner)
    } catch {
      let now = clock.now()
      _ = breakers.withLock { $0.ended(key, isOutage: nil, at: now) }
      metrics.ended(definition, outcome: "cancelled", nanoseconds: now &- started, span.context)
      span.recordError(type: "cancelled", message: "The call was cancelled.")
      span.end()
      throw error
    }
    end(call, result, context, span, started, key)
    return await withinLimit(result, of: call, context)
  }

  /// Counts a call that has ended.
  private func end(
    _ call: DecidedToolCall, _ result: ToolResult, _ context: ToolContext, _ span: Span, _ started: UInt64,
    _ key: CircuitBreakers.Key
  ) {
    let definition = call.definition
    let now = clock.now()
    let outcome = ToolMetrics.outcome(result)
    let isOutage = result.isError && (ToolResultCode(rawValue: outcome)?.countsAsOutage ?? false)
    let isOpened = breakers.withLock { $0.ended(key, isOutage: isOutage, at: now) }
    metrics.ended(definition, outcome: outcome, nanoseconds: now &- started, span.context)
    if span.isRecording {
      span.setAttribute("gen_ai.operation.name", .string("execute_tool"))
      span.setAttribute("gen_ai.tool.name", .string(definition.name))
      span.setAttribute("gen_ai.tool.type", .string(definition.source == .builtIn ? "function" : "extension"))
      span.setAttribute("gen_ai.tool.call.id", .string(call.idempotencyKey))
      span.setAttribute("cadre.tool.source", .string(definition.source.kind))
      span.setAttribute("cadre.outcome", .string(outcome))
      if result.isError { span.recordError(type: outcome, message: "The tool call failed.") }
    }
    span.end()
    guard isOutage else { return }
    // Neither arguments nor results stand in logs.
    telemetry.logger.warning(
      isOpened ? "a tool keeps failing and is not called for a while" : "a tool call failed",
      [
        "run": .string(context.run.description), "step": .string(context.step.description),
        "tool": .string(definition.name), "code": .string(outcome),
        "duration_ms": .int(Int64(clamping: (now &- started) / 1_000_000)),
      ], trace: span.context)
    if isOpened { metrics.opened(definition) }
  }

  /// Runs the executor until it has ended, its deadline has come or the caller is cancelled.
  private func finished(_ call: DecidedToolCall, _ context: ToolContext) async throws -> ToolResult {
    let invocation = ToolInvocation(
      name: call.definition.name, arguments: call.arguments, context: context, idempotencyKey: call.idempotencyKey,
      answers: call.answers)
    guard let loop = EventLoop.current else {
      return .failure(.internalError, "the call was made outside of an event loop")
    }
    let executor = call.executor
    let promise = Promise<ToolResult>(on: loop)
    let task = loop.task {
      do { promise.succeed(try await executor.run(invocation)) } catch { promise.fail(error) }
    }
    defer { task.cancel() }
    do {
      return try await promise.value(deadline: context.deadline)
    } catch let error as ReactorError where error.code == .timedOut {
      return .failure(
        .timedOut, "the call took longer than \(call.definition.timeoutMilliseconds) ms or the time of the step is over"
      )
    } catch is CancellationError {
      try Task.checkCancellation()
      // The executor gave up although nobody asked it to.
      return .failure(.internalError, "the call was broken off")
    } catch {
      return .failure(.internalError, "the call failed inside the platform")
    }
  }

  // MARK: Limits

  /// The result with a text that a model can take. What is cut out is kept as an artefact of the run where there is a
  /// store for it.
  private func withinLimit(_ result: ToolResult, of call: DecidedToolCall, _ context: ToolContext) async -> ToolResult {
    let bytesMax = Int(clamping: call.definition.resultBytesMax)
    guard result.text.utf8.count > bytesMax else { return result }
    metrics.cut(call.definition)
    var result = result
    var pointer: String?
    let bytes = Array(result.text.utf8.prefix(ToolRunner.keptBytesMax))
    let name = ArtefactName("tool-results/\(ToolRunner.fileName(call)).txt")
    if let artefacts, let name,
      let kept = try? await artefacts.put(name, bytes, mediaType: "text/plain", for: WorkspaceStep(context))
    {
      pointer = "the whole is the artefact \(kept.name)"
      result.artefacts.append(kept)
    }
    result.text = ResultCut.cut(result.text, bytesMax: bytesMax, pointer: pointer)
    return result
  }

  /// A plain segment that is the same for every try of the call.
  private static func fileName(_ call: DecidedToolCall) -> String {
    let key = call.idempotencyKey.utf8.suffix(80).map { byte -> UInt8 in
      let isPlain = (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20) || byte == UInt8(ascii: "-")
      return isPlain ? byte : UInt8(ascii: "-")
    }
    return call.definition.name + "-" + String(decoding: key, as: UTF8.self)
  }
}

extension WorkspaceStep {
  /// The step of a tool call.
  init(_ context: ToolContext) {
    self.init(
      step: context.step, tenant: context.tenant, token: context.token, assertion: context.assertion,
      traceparent: context.traceparent)
  }
}
