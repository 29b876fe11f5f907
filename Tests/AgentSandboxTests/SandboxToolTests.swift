import AgentTools
import AgentWorkspace
import Contracts
import JSON
import Primitives
import SandboxProtocol
import Synchronization
import SystemSources
import Telemetry
import Testing

@testable import AgentSandbox

@Suite struct SandboxToolTests {
  private func call(
    _ tool: String, _ arguments: String, _ runner: FakeRunner, _ artefacts: FakeArtefacts = FakeArtefacts(),
    registry: FakeRegistry = FakeRegistry(), deadline: UInt64 = .max
  ) async throws -> ToolResult {
    let context = ToolContext(
      tenant: TenantID.make(), run: RunID.make(), step: StepID.make(), token: UUID.random(), assertion: { "" },
      deadline: deadline)
    let provider = SandboxToolProvider(
      runner: runner, artefacts: artefacts, registry: registry, usesNativePython: false)
    let executor = try #require(try await provider.tools(for: context).first { $0.0.name == tool }?.1)
    return try await executor.run(
      ToolInvocation(name: tool, arguments: try JSONDocument(parsing: arguments), context: context, idempotencyKey: "k")
    )
  }

  private func report(
    _ outcome: RunOutcome, out: String = "", error: String = "", result: String? = nil
  ) -> RunReport {
    RunReport(
      id: "", outcome: outcome, exitCode: 3, trap: "unreachable",
      standardOutput: RunOutput(bytes: Array(out.utf8), headCount: out.utf8.count, totalCount: Int64(out.utf8.count)),
      standardError: RunOutput(
        bytes: Array(error.utf8), headCount: error.utf8.count, totalCount: Int64(error.utf8.count)),
      result: result.map { Array($0.utf8) })
  }

  @Test func `python gets code, arguments, input and files, and its files become artefacts`() async throws {
    let runner = FakeRunner()
    runner.answer { job in
      var result = SandboxResult(ending: .ran(.ok), report: report(.ok, out: "printed", result: "{\"a\":1}"))
      result.files = [SandboxFile(name: "plot.svg", bytes: [1, 2, 3])]
      result.skipped = [SkippedFile(name: "link", reason: .notRegular)]
      result.report.metering.fuel = 77
      return result
    }
    let artefacts = FakeArtefacts(["in/data.csv": [9]])
    let answer = try await call(
      "run_python",
      #"{"code":"print(1)","arguments":{"x":[1,2]},"stdin":"abc","files":["in/data.csv"],"session":true}"#, runner,
      artefacts)
    let job = try #require(runner.jobs.first)
    #expect(job.kind == .python && job.request.isSession)
    #expect(job.request.source == Array("print(1)".utf8) && job.request.input == Array("abc".utf8))
    #expect(job.request.arguments == Array(#"{"x":[1,2]}"#.utf8))
    #expect(job.files == [SandboxFile(name: "in/data.csv", bytes: [9])])
    #expect(!answer.isError && answer.code == nil)
    #expect(answer.text.contains("stdout:\nprinted") && answer.text.contains("result: {\"a\":1}"))
    #expect(answer.text.contains("plot.svg (3 bytes, image/svg+xml)") && answer.text.contains("link (not_regular)"))
    #expect(answer.artefacts.map(\.name) == ["plot.svg"])
    #expect(answer.data == Array(#"{"a":1}"#.utf8))
    #expect(answer.metering.contains { $0 == ("fuel", 77) })
  }

  @Test(arguments: RunOutcome.allCases) func `every outcome has its code and its sentence`(outcome: RunOutcome)
    async throws
  {
    let runner = FakeRunner()
    runner.answer { _ in SandboxResult(ending: .ran(outcome), report: report(outcome, error: "why")) }
    let answer = try await call("run_javascript", #"{"code":"1"}"#, runner)
    #expect(runner.jobs.first?.kind == .javascript)
    #expect(answer.isError == (outcome != .ok))
    #expect(answer.code == (outcome == .ok ? nil : outcome.rawValue))
    #expect(answer.text.hasPrefix("error: ") == (outcome != .ok))
    #expect(answer.text.contains("stderr:\nwhy"))
  }

  @Test func `a sandbox that is busy or away is an answer`() async throws {
    let runner = FakeRunner()
    runner.answer { _ in SandboxResult(ending: .refused(.queueFull), report: .empty) }
    let busy = try await call("run_python", #"{"code":"1"}"#, runner)
    #expect(busy.isError && busy.code == "sandbox_busy" && busy.text.contains("busy"))
    for state in [SandboxState.absent, .failing, .unsafe] {
      runner.answer { _ in SandboxResult(ending: .unavailable(state), report: .empty) }
      #expect(try await call("run_python", #"{"code":"1"}"#, runner).code == "sandbox_unavailable")
    }
  }

  @Test(
    arguments: [
      ("run_python", "{}"), ("run_python", #"{"code":7}"#), ("run_wasm", "{}"), ("run_wasm", #"{"module":"../x"}"#),
      ("run_python", #"{"code":"1","files":["../../etc/passwd"]}"#),
    ]) func `arguments that cannot be are an answer, and nothing runs`(tool: String, arguments: String) async throws
  {
    let runner = FakeRunner()
    let answer = try await call(tool, arguments, runner)
    #expect(answer.isError && answer.code == "invalid_arguments")
    #expect(runner.jobs.isEmpty)
  }

  @Test func `an artefact that is not there is an answer`() async throws {
    let runner = FakeRunner()
    #expect(try await call("run_python", #"{"code":"1","files":["missing"]}"#, runner).code == "not_found")
    #expect(try await call("run_wasm", #"{"module":"missing"}"#, runner).code == "not_found")
    #expect(runner.jobs.isEmpty)
  }

  @Test func `a file that cannot be kept loses no result`() async throws {
    let runner = FakeRunner()
    runner.answer { _ in
      var result = SandboxResult(ending: .ran(.ok), report: report(.ok, out: "x"))
      result.files = [SandboxFile(name: "a", bytes: []), SandboxFile(name: "b\u{1B}", bytes: [])]
      return result
    }
    let artefacts = FakeArtefacts()
    artefacts.refuse(WorkspaceError(.quota, code: "artefact_quota_exceeded", "full"))
    let answer = try await call("run_python", #"{"code":"1"}"#, runner, artefacts)
    #expect(!answer.isError && answer.artefacts.isEmpty)
    #expect(answer.text.contains("a (artefact_quota_exceeded)") && answer.text.contains("(bad_name)"))
    #expect(!answer.text.contains("\u{1B}"))
  }

  @Test func `a module is compiled, run and given back`() async throws {
    let runner = FakeRunner()
    runner.answer { _ in SandboxResult(ending: .ran(.ok), report: report(.ok)) }
    let artefacts = FakeArtefacts(["m.wasm": [0, 1]])
    _ = try await call("run_wasm", #"{"module":"m.wasm","stdin":"in"}"#, runner, artefacts)
    let job = try #require(runner.jobs.first)
    #expect(job.kind == .wasm && job.request.module == "digest" && job.request.input == Array("in".utf8))
    #expect(runner.released == 1)
    runner.rejectModules("no module")
    let rejected = try await call("run_wasm", #"{"module":"m.wasm"}"#, runner, artefacts)
    #expect(rejected.code == "compile_rejected" && rejected.text.contains("no module"))
    #expect(runner.jobs.count == 1)
  }

  @Test(arguments: ToolRuntime.allCases) func `a tool of a user gets its arguments`(runtime: ToolRuntime) async throws {
    let runner = FakeRunner()
    runner.answer { _ in SandboxResult(ending: .ran(.ok), report: report(.ok)) }
    let registry = FakeRegistry(runtime, source: "SOURCE")
    let answer = try await call("mine", #"{"a":1}"#, runner, registry: registry)
    #expect(!answer.isError)
    let job = try #require(runner.jobs.first)
    #expect(!job.request.isSession && job.session.scope.hasSuffix("/tool"))
    switch runtime {
    case .wasm: #expect(job.kind == .wasm && job.request.input == Array(#"{"a":1}"#.utf8))
    case .python, .javascript:
      #expect(String(decoding: job.request.source, as: UTF8.self).hasPrefix("SOURCE\n"))
      #expect(job.request.arguments == Array(#"{"a":1}"#.utf8))
    }
  }

  @Test func `a run never has more time than its call`() async throws {
    let runner = FakeRunner()
    runner.answer { _ in SandboxResult(ending: .ran(.ok), report: report(.ok)) }
    _ = try await call("run_python", #"{"code":"1"}"#, runner, deadline: MonotonicClock.now() + 2_000_000_000)
    _ = try await call("run_python", #"{"code":"1"}"#, runner, deadline: 0)
    #expect(runner.jobs[0].request.limits.wallMilliseconds <= 2000)
    #expect(runner.jobs[1].request.limits.wallMilliseconds == 1)
  }

  @Test func `output is text without tricks`() {
    #expect(
      OutputText.clean([0xFF, 0x41, 0x00, 0x1B, 0x5B, 0x0A, 0x0D, 0x0A, 0x42]) == "\u{FFFD}A\u{FFFD}\u{FFFD}[\n\nB")
    #expect(!OutputText.clean(Array("a\u{202E}b\u{9B}c".utf8)).unicodeScalars.contains { $0.value == 0x202E })
    let long = RunOutput(
      bytes: Array(repeating: 0x41, count: 100) + Array(repeating: 0x42, count: 100), headCount: 100, totalCount: 5000)
    let text = OutputText.excerpt(long, bytesMax: 40)
    #expect(
      text == String(repeating: "A", count: 20) + "\n[... 4960 bytes left out ...]\n"
        + String(repeating: "B", count: 20))
    let short = RunOutput(bytes: Array("abc".utf8), headCount: 3, totalCount: 3)
    #expect(OutputText.excerpt(short, bytesMax: 40) == "abc")
    // A hostile report.
    let odd = RunOutput(bytes: Array("abc".utf8), headCount: 900, totalCount: .max)
    #expect(OutputText.excerpt(odd, bytesMax: 2).hasPrefix("a"))
  }
}

private final class FakeRunner: CodeRunning {
  private struct State {
    var jobs: [SandboxJob] = []
    var answer: @Sendable (SandboxJob) -> SandboxResult = { _ in SandboxResult(ending: .ran(.ok), report: .empty) }
    var rejection: String?
    var released = 0
  }

  private let state = Mutex(State())
  var jobs: [SandboxJob] { state.withLock { $0.jobs } }
  var released: Int { state.withLock { $0.released } }
  let limits = RunLimits()

  func answer(_ answer: @escaping @Sendable (SandboxJob) -> SandboxResult) { state.withLock { $0.answer = answer } }
  func rejectModules(_ reason: String) { state.withLock { $0.rejection = reason } }

  func run(_ job: SandboxJob, trace: TraceContext?) async -> SandboxResult {
    state.withLock {
      $0.jobs.append(job); return $0.answer
    }(job)
  }

  func compiled(_ module: [UInt8], for session: SessionKey, trace: TraceContext?) async -> ModuleCache.Outcome {
    if let rejection = state.withLock({ $0.rejection }) { return .rejected(rejection) }
    return .ready(digest: "digest", lease: ModuleCache.Lease(key: "key"))
  }

  func release(_ lease: ModuleCache.Lease) { state.withLock { $0.released += 1 } }
}

private final class FakeArtefacts: ArtefactStoring {
  private let files: [String: [UInt8]]
  private let refusal = Mutex<WorkspaceError?>(nil)

  init(_ files: [String: [UInt8]] = [:]) { self.files = files }

  func refuse(_ error: WorkspaceError) { refusal.withLock { $0 = error } }

  func put(
    _ name: ArtefactName, _ bytes: [UInt8], mediaType: String?, for step: WorkspaceStep
  ) async throws -> ArtefactReference {
    if let error = refusal.withLock({ $0 }) { throw error }
    return ArtefactReference(
      name: name.text, sha256: "", bytes: Int64(bytes.count), mediaType: MediaType.of(name))
  }

  func artefact(
    _ name: ArtefactName, bytesMax: Int, for step: WorkspaceStep
  ) async throws -> (reference: ArtefactReference, bytes: [UInt8]) {
    guard let bytes = files[name.text] else { throw WorkspaceError(.notFound, code: "artefact_not_found", "none") }
    return (ArtefactReference(name: name.text, sha256: "", bytes: Int64(bytes.count), mediaType: ""), bytes)
  }

  func artefacts(for step: WorkspaceStep) async throws -> [ArtefactReference] { [] }
}

private struct FakeRegistry: RegistryReading {
  var tools: [UserTool] = []
  var bytes: [UInt8] = []

  init() {}

  init(_ runtime: ToolRuntime, source: String) {
    let definition = ToolDefinition(
      name: "mine", description: "", parameters: Array("{}".utf8), risk: .execute, isIdempotent: true, source: .user)
    tools = [UserTool(definition: definition, runtime: runtime, sourceSHA256: "", version: 1)]
    bytes = Array(source.utf8)
  }

  func registry(for step: WorkspaceStep) async throws -> ToolRegistrySnapshot {
    ToolRegistrySnapshot(revision: "1", tools: tools, servers: [])
  }

  func source(of tool: UserTool, for step: WorkspaceStep) async throws -> [UInt8] { bytes }
  func secrets(of server: MCPServerID, for step: WorkspaceStep) async throws -> MCPSecrets {
    throw WorkspaceError(.notFound, code: "none", "none")
  }
  func report(_ report: MCPReport, on server: MCPServerID) async throws {}
}
