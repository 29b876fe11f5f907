import Foundation
import Glibc
import Process
import SandboxProtocol
import Telemetry

@testable import AgentSandbox

/// Starts workers that speak the protocol and have no engine and no jail.
struct FakeWorkers: WorkerLauncher {
  static let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/fake_worker.py"

  /// How workers behave at their start: as a worker, or `refuse`, `die`, `silent`.
  var mode = ""

  func specification(_ kind: WorkerKind, slot: Int, scratch: String, user: UInt32?) -> ProcessSpecification {
    ProcessSpecification(
      "/usr/bin/python3", ["-I", "-S", "-B", FakeWorkers.script, mode, scratch], name: "fake worker", folder: scratch)
  }
}

/// A supervisor with fake workers, and what it must leave behind: nothing.
struct FakeSandbox {
  let supervisor: SandboxSupervisor
  let root: String
  private let descriptors: Int

  init(
    mode: String = "", launcher: (any WorkerLauncher)? = nil, _ change: (inout SandboxConfiguration) -> Void = { _ in }
  ) async throws {
    root = "/tmp/cadre-sandbox-test-\(getpid())-\(UInt32.random(in: 0 ... .max))"
    descriptors = FakeSandbox.openDescriptors()
    var configuration = SandboxConfiguration(scratchRoot: root)
    configuration.pool.runningMax = 4
    configuration.pool.queueWait = 60_000_000_000
    configuration.startMilliseconds = 60_000
    configuration.limits.wallMilliseconds = 60_000
    change(&configuration)
    supervisor = SandboxSupervisor(configuration, launcher: launcher ?? FakeWorkers(mode: mode), telemetry: .disabled())
    try await supervisor.start()
    supervisor.open(as: .serving)
  }

  func job(
    _ source: String, tenant: String = "a", scope: String = "run", kind: WorkerKind = .python, wall: Int64 = 60_000,
    session: Bool = false, files: [SandboxFile] = []
  ) -> SandboxJob {
    var limits = supervisor.configuration.limits
    limits.wallMilliseconds = wall
    return SandboxJob(
      session: SessionKey(tenant: tenant, scope: scope), kind: kind,
      request: RunRequest(
        id: "", runtime: .python, source: Array(source.utf8), limits: limits, isSession: session), files: files)
  }

  func run(
    _ source: String, tenant: String = "a", scope: String = "run", wall: Int64 = 60_000, session: Bool = false,
    files: [SandboxFile] = []
  ) async -> SandboxResult {
    await supervisor.run(
      job(source, tenant: tenant, scope: scope, wall: wall, session: session, files: files))
  }

  /// A program that runs until `release`, however slow the machine is.
  var hold: String { "hold \(root)-mark" }

  /// Ends what `hold` says, until the sandbox is stopped.
  func release() { close(creat(root + "-mark", 0o644)) }

  /// Ends it. Returns what is left: folders, child processes, descriptors.
  func stop() async -> [String] {
    await supervisor.stop()
    unlink(root + "-mark")
    var left: [String] = []
    if access(root, F_OK) == 0 { left.append("the folder \(root)") }
    left += children().map { "the process \($0)" }
    return left
  }

  static func openDescriptors() -> Int {
    (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd"))?.count ?? 0
  }

  /// Child processes of this one that were started for this sandbox.
  func children() -> [Int32] {
    let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return all.compactMap { Int32($0) }.filter { process in
      guard let status = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
        let parent = status.split(separator: ")").last?.split(separator: " ").dropFirst().first.flatMap({ Int32($0) })
      else { return false }
      guard parent == getpid() else { return false }
      let command = (try? String(contentsOfFile: "/proc/\(process)/cmdline", encoding: .utf8)) ?? ""
      return command.contains(root)
    }
  }
}

extension SandboxResult {
  var output: String { String(decoding: report.standardOutput.bytes, as: UTF8.self) }
}

/// Starts the program of native Python, without a jail.
struct UnjailedPython: WorkerLauncher {
  func specification(_ kind: WorkerKind, slot: Int, scratch: String, user: UInt32?) -> ProcessSpecification {
    ProcessSpecification(
      NativePython.interpreter, NativePython.arguments + [scratch], name: "fake_worker", folder: scratch)
  }
}
