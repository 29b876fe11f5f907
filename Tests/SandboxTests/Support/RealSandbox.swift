import Foundation
import Glibc
import SandboxProtocol
import Synchronization
import Telemetry

@testable import AgentSandbox

/// A supervisor with the real engine and jail.
struct RealSandbox {
  /// A secret of this process that no guest may ever print.
  static let canary = "canary-5f0c2d8e"

  private static let count = Atomic<Int>(0)

  let supervisor: SandboxSupervisor
  let modules: ModuleCache
  private let installation: SandboxInstallation
  private let folder: String

  /// Where programs and engine are: beside the tests.
  static let programFolder: String = {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
    let path = String(decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return URL(fileURLWithPath: path).deletingLastPathComponent().path
  }()
  static let engineFolder = SandboxInstallation.engineFolder(besides: programFolder)

  private static func installation(_ folder: String) throws -> SandboxInstallation {
    try SandboxInstallation(
      engineFolder: engineFolder, programFolder: programFolder, workFolder: folder, memoryBytes: 128 << 20,
      fileBytesMax: 64 << 20, requiresLandlock: true, usesNativePython: true, jobSeconds: 20)
  }

  static var isInstalled: Bool { (try? installation("/tmp")) != nil }

  /// Waits until as many jobs run, or until nobody can wait for it any longer.
  func until(running count: Int) async throws {
    for _ in 0..<4000 {
      if await supervisor.counts().running >= count { return }
      try await Task.sleep(for: .milliseconds(5))
    }
  }

  private init(_ change: (inout SandboxConfiguration) -> Void) async throws {
    setenv("CADRE_SANDBOX_TEST_SECRET", RealSandbox.canary, 1)
    folder = "/tmp/cadre-hostile-\(getpid())-\(UInt32.random(in: 0 ... .max))"
    installation = try RealSandbox.installation(folder)
    var configuration = SandboxConfiguration(scratchRoot: folder + "/scratch")
    configuration.pool.runningMax = 2
    configuration.pool.queueWait = 120_000_000_000
    configuration.pool.warm = [.python: 1, .javascript: 1]
    configuration.startMilliseconds = 60_000
    configuration.limits.wallMilliseconds = 20_000
    configuration.limits.memoryBytes = 128 << 20
    configuration.limits.outputBytes = 256 << 10
    configuration.pool.queuedMax = 256
    configuration.pool.queuedPerTenantMax = 256
    // Suites run beside each other: no two workers have the same user.
    let number = RealSandbox.count.wrappingAdd(1, ordering: .relaxed).oldValue
    if geteuid() == 0 { configuration.firstUser = UInt32(61_000 + number * 32) }
    change(&configuration)
    supervisor = SandboxSupervisor(configuration, launcher: installation, telemetry: .disabled())
    modules = ModuleCache(
      folder: installation.moduleFolder, bytesMax: 1 << 30, configuration: "test", supervisor: supervisor)
    try await installation.prepare()
    try await modules.start()
    try await supervisor.start()
    supervisor.open(as: .serving)
  }

  /// Runs a body with a sandbox. Returns what is left afterwards: it must be nothing.
  static func with(
    _ change: (inout SandboxConfiguration) -> Void = { _ in }, _ body: (RealSandbox) async throws -> Void
  ) async throws -> [String] {
    let sandbox = try await RealSandbox(change)
    do { try await body(sandbox) } catch {
      await sandbox.supervisor.stop()
      throw error
    }
    await sandbox.supervisor.stop()
    try await sandbox.installation.cleanUp()
    var left = sandbox.strays()
    if access(sandbox.folder, F_OK) == 0 { left.append("the folder \(sandbox.folder)") }
    return left
  }

  func run(_ attack: HostileCase) async -> SandboxResult {
    var limits = supervisor.configuration.limits
    attack.change(&limits)
    let session = SessionKey(tenant: "hostile", scope: attack.name)
    switch attack.program {
    case .text(let kind, let source): return await run(kind, source, session: session, limits: limits)
    case .module(let make): return await run(module: make(), session: session, limits: limits)
    }
  }

  func run(
    _ kind: WorkerKind, _ source: String, session: SessionKey, limits: RunLimits? = nil, keepsState: Bool = false,
    files: [SandboxFile] = []
  ) async -> SandboxResult {
    let request = RunRequest(
      id: "", runtime: kind == .javascript ? .javascript : .python, source: Array(source.utf8),
      limits: limits ?? supervisor.configuration.limits, isSession: keepsState)
    return await supervisor.run(SandboxJob(session: session, kind: kind, request: request, files: files))
  }

  func run(module: [UInt8], session: SessionKey, limits: RunLimits) async -> SandboxResult {
    switch await modules.compiled(module, for: session, trace: nil) {
    case .rejected:
      return SandboxResult(ending: .ran(.compileRejected), report: RunReport(id: "", outcome: .compileRejected))
    case .failed(let result): return result
    case .ready(let digest, let lease):
      defer { modules.release(lease) }
      return await supervisor.run(
        SandboxJob(
          session: session, kind: .wasm,
          request: RunRequest(
            id: "", runtime: .wasm, module: digest, arguments: Array("[]".utf8), limits: limits)))
    }
  }

  func selfTest() async -> SandboxSelfTest.Verdict {
    await installation.selfTest(access("/usr/bin/python3", X_OK) == 0).run(on: supervisor)
  }

  /// A well-behaved job of another tenant: it sees no file and none of the globals that attacks leave.
  func good() async -> SandboxResult {
    await run(
      .python, "import os, json\nprint('fine', len(os.listdir('.')))", session: SessionKey(tenant: "good", scope: "run")
    )
  }

  /// Processes that were started for this sandbox.
  func strays() -> [String] {
    let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return all.compactMap { Int32($0) }.compactMap { process in
      let command = (try? String(contentsOfFile: "/proc/\(process)/cmdline", encoding: .utf8)) ?? ""
      return command.contains(folder) ? "the process \(process): \(command.prefix(60))" : nil
    }
  }
}

extension SandboxResult {
  var output: String { String(decoding: report.standardOutput.bytes, as: UTF8.self) }
}
