package import AgentTools
package import AgentWorkspace
package import Contracts
internal import JSON
package import SandboxProtocol
internal import SystemSources
package import Telemetry

/// What runs code for tools; the supervisor, or a substitute in tests.
package protocol CodeRunning: Sendable {
  /// Runs a job.
  func run(_ job: SandboxJob, trace: TraceContext?) async -> SandboxResult
  /// The compiled form of a module.
  func compiled(_ module: [UInt8], for session: SessionKey, trace: TraceContext?) async -> ModuleCache.Outcome
  /// A compiled module is no longer used.
  func release(_ lease: ModuleCache.Lease)
  /// What a run may use.
  var limits: RunLimits { get }
}

/// Runs the calls of one tool in the sandbox: code that the model has written, a module that is an artefact, or the
/// source of a tool of a user.
package struct SandboxToolExecutor: ToolExecutor {
  /// Where the program comes from.
  package enum Program: Sendable {
    /// The argument `code`.
    case code(WorkerKind)
    /// The artefact that the argument `module` names.
    case moduleArtefact
    /// The source of a tool of a user.
    case userTool(UserTool, any RegistryReading)
  }

  /// Artefacts that are copied in, together.
  static let inputBytesMax = 64 << 20
  static let moduleBytesMax = 4 << 20

  let program: Program
  let definition: ToolDefinition
  let runner: any CodeRunning
  let artefacts: any ArtefactStoring

  /// Makes an executor.
  package init(
    _ program: Program, definition: ToolDefinition, runner: any CodeRunning, artefacts: any ArtefactStoring
  ) {
    self.program = program
    self.definition = definition
    self.runner = runner
    self.artefacts = artefacts
  }

  /// The source of a user's tool can change; other programs are arguments.
  package var codeSHA256: String { if case .userTool(let tool, _) = program { tool.sourceSHA256 } else { "" } }

  /// Makes one call.
  package func run(_ call: ToolInvocation) async throws -> ToolResult {
    let step = WorkspaceStep(call.context)
    let trace = call.context.traceparent.flatMap { TraceContext(traceparent: $0) }
    var lease: ModuleCache.Lease?
    defer { if let lease { runner.release(lease) } }
    do {
      var job = SandboxJob(
        session: SessionKey(tenant: call.context.tenant.description, scope: scope(call)), kind: .python,
        request: RunRequest(id: "", runtime: .python, limits: limits(call)))
      job.files = try await inputs(call, step)
      switch program {
      case .code(let kind): try SandboxToolExecutor.fill(&job, kind, call)
      case .moduleArtefact:
        lease = try await prepare(&job, try await module(call, step), trace)
        job.request.input = Array((call.arguments.root["stdin"]?.string ?? "").utf8)
      case .userTool(let tool, let registry):
        let source = try await registry.source(of: tool, for: step)
        lease = try await fill(&job, tool, source, call, trace)
      }
      try Task.checkCancellation()
      let result = await runner.run(job, trace: trace)
      try Task.checkCancellation()
      return try await answer(result, isSession: job.request.isSession, step)
    } catch let refusal as ToolRefusal {
      return refusal.result
    } catch let error as WorkspaceError {
      return .failure(SandboxToolExecutor.code(error.kind), error.message)
    }
  }

  // MARK: The job

  /// State of sessions, single runs and tools of users never meets.
  private func scope(_ call: ToolInvocation) -> String {
    let run = call.context.run.description
    switch program {
    case .userTool: return run + "/tool"
    case .code where call.arguments.root["session"]?.bool == true: return run + "/session"
    case .code, .moduleArtefact: return run
    }
  }

  /// The limits of the sandbox, and no more time than the call has.
  private func limits(_ call: ToolInvocation) -> RunLimits {
    var limits = runner.limits
    let now = MonotonicClock.now()
    let left = call.context.deadline > now ? (call.context.deadline - now) / 1_000_000 : 0
    let wall = min(limits.wallMilliseconds, definition.timeoutMilliseconds, Int64(clamping: left))
    limits.wallMilliseconds = max(1, wall)
    return limits
  }

  private static func fill(_ job: inout SandboxJob, _ kind: WorkerKind, _ call: ToolInvocation) throws(ToolRefusal) {
    let root = call.arguments.root
    guard let code = root["code"]?.string else {
      throw ToolRefusal(.invalidArguments, "the argument \"code\" is missing")
    }
    job.kind = kind
    job.request.runtime = kind == .javascript ? .javascript : .python
    job.request.source = Array(code.utf8)
    job.request.arguments = root["arguments"].map { Array($0.rawBytes) } ?? Array("null".utf8)
    job.request.input = Array((root["stdin"]?.string ?? "").utf8)
    job.request.isSession = root["session"]?.bool ?? false
    guard job.request.source.count <= RunRequest.sourceBytesMax,
      job.request.arguments.count <= RunRequest.argumentBytesMax,
      job.request.input.count <= RunRequest.inputBytesMax
    else { throw ToolRefusal(.tooLarge, "the code or its input is too large") }
  }

  private func fill(
    _ job: inout SandboxJob, _ tool: UserTool, _ source: [UInt8], _ call: ToolInvocation, _ trace: TraceContext?
  ) async throws -> ModuleCache.Lease? {
    let arguments = call.arguments.bytes
    switch tool.runtime {
    case .python:
      job.kind = .python
      job.request.runtime = .python
      job.request.source = source + Array(SandboxToolExecutor.pythonCall.utf8)
      job.request.arguments = arguments
    case .javascript:
      job.kind = .javascript
      job.request.runtime = .javascript
      job.request.source = source + Array(SandboxToolExecutor.javascriptCall.utf8)
      job.request.arguments = arguments
    case .wasm:
      let lease = try await prepare(&job, source, trace)
      job.request.input = arguments
      return lease
    }
    return nil
  }

  /// How the source of a tool is called: by its function `main`, where it has one.
  private static let pythonCall =
    "\n\nmain(__import__(\"cadre\").arguments) if callable(globals().get(\"main\")) else None\n"
  private static let javascriptCall = "\n;typeof main === \"function\" ? main(cadre.arguments) : undefined\n"

  private func prepare(
    _ job: inout SandboxJob, _ module: [UInt8], _ trace: TraceContext?
  ) async throws -> ModuleCache.Lease {
    switch await runner.compiled(module, for: job.session, trace: trace) {
    case .ready(let digest, let lease):
      job.kind = .wasm
      job.request.runtime = .wasm
      job.request.module = digest
      return lease
    case .rejected(let reason):
      throw ToolRefusal(
        ToolResult(
          text: "error: the module cannot be used: \(OutputText.clean(reason.utf8))", isError: true,
          code: RunOutcome.compileRejected.rawValue))
    case .failed(let result):
      throw ToolRefusal(
        ToolResult(
          text:
            "error: \(SandboxAnswer.sentence(result, SandboxToolExecutor.retryMilliseconds) ?? "the sandbox failed")",
          isError: true, code: result.code == RunOutcome.ok.rawValue ? "sandbox_error" : result.code))
    }
  }

  private static let retryMilliseconds: Int64 = 5000

  // MARK: Artefacts

  private func artefact(_ text: String, bytesMax: Int, _ step: WorkspaceStep) async throws -> [UInt8] {
    guard let name = ArtefactName(text) else {
      throw ToolRefusal(.invalidArguments, "an artefact is named by a relative path of plain segments")
    }
    return try await artefacts.artefact(name, bytesMax: bytesMax, for: step).bytes
  }

  private func module(_ call: ToolInvocation, _ step: WorkspaceStep) async throws -> [UInt8] {
    guard let name = call.arguments.root["module"]?.string else {
      throw ToolRefusal(.invalidArguments, "the argument \"module\" is missing")
    }
    return try await artefact(name, bytesMax: SandboxToolExecutor.moduleBytesMax, step)
  }

  private func inputs(_ call: ToolInvocation, _ step: WorkspaceStep) async throws -> [SandboxFile] {
    if case .userTool = program { return [] }
    var files: [SandboxFile] = []
    var left = SandboxToolExecutor.inputBytesMax
    let names = call.arguments.root["files"]?.elements.compactMap(\.string) ?? []
    for name in names.prefix(64) {
      guard ScratchPath.segments(name) != nil else {
        throw ToolRefusal(.invalidArguments, "the name of a file is no plain relative path")
      }
      let bytes = try await artefact(name, bytesMax: left, step)
      left -= min(left, bytes.count)
      files.append(SandboxFile(name: name, bytes: bytes))
    }
    return files
  }

  // MARK: The answer

  private func answer(
    _ result: SandboxResult, isSession: Bool, _ step: WorkspaceStep
  ) async throws -> ToolResult {
    var stored: [ArtefactReference] = []
    var unstored = result.skipped.map { (name: $0.name, reason: $0.reason.rawValue) }
    for file in result.files {
      guard let name = ArtefactName(file.name) else {
        unstored.append((file.name, "bad_name"))
        continue
      }
      do {
        stored.append(try await artefacts.put(name, file.bytes, mediaType: nil, for: step))
      } catch let error as WorkspaceError {
        // The work is done: what could not be kept is said.
        unstored.append((file.name, error.code))
      }
    }
    let isOK = result.ending == .ran(.ok)
    var metering = result.report.metering.members
    metering.append(("queue_us", result.queueMicroseconds))
    return ToolResult(
      text: SandboxAnswer.text(
        result, stored: stored, unstored: unstored, isSession: isSession,
        retryAfterMilliseconds: SandboxToolExecutor.retryMilliseconds),
      isError: !isOK, code: isOK ? nil : result.code, artefacts: stored, metering: metering,
      data: result.report.result)
  }

  private static func code(_ kind: WorkspaceError.Kind) -> ToolResultCode {
    switch kind {
    case .leaseLost, .refused: .toolFailed
    case .notFound: .notFound
    case .quota: .tooLarge
    case .unavailable: .unreachable
    }
  }
}

/// A call that is answered without a run.
private struct ToolRefusal: Error {
  let result: ToolResult

  init(_ result: ToolResult) { self.result = result }

  init(_ code: ToolResultCode, _ text: String) { result = .failure(code, text) }
}

extension WorkspaceStep {
  init(_ context: ToolContext) {
    self.init(
      step: context.step, tenant: context.tenant, token: context.token, assertion: context.assertion,
      traceparent: context.traceparent)
  }
}
