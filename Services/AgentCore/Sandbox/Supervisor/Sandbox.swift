internal import Glibc
internal import Primitives
internal import Reactor
package import SandboxProtocol
package import Settings
internal import Synchronization
package import Telemetry

/// The sandbox of this process from its start to its end: looks for engine and jail, tests itself, serves, and says
/// that it is not available while one of these fails.
package final class Sandbox: CodeRunning, Sendable {
  private static let retryPause = Duration.seconds(30)

  private let configuration: SandboxConfiguration
  private let installation: SandboxInstallation?
  private let supervisor: SandboxSupervisor?
  private let modules: ModuleCache?
  private let usesNativePython: Bool
  private let telemetry: Telemetry
  private let isStopped = Atomic<Bool>(false)

  /// A sandbox as the settings say; it starts nothing before `run`. Launcher and worker are beside this program.
  package init(_ settings: Settings, telemetry: Telemetry) {
    let plan = SandboxPlan(settings, programFolder: Sandbox.programFolder())
    self.telemetry = telemetry
    configuration = plan.configuration
    usesNativePython = plan.usesNativePython
    switch plan.installation {
    case .success(let installation):
      self.installation = installation
      let supervisor = SandboxSupervisor(plan.configuration, launcher: installation, telemetry: telemetry)
      self.supervisor = supervisor
      modules = ModuleCache(
        folder: installation.moduleFolder, bytesMax: plan.moduleCacheBytes, configuration: installation.engineDigest,
        supervisor: supervisor)
    case .failure(let reason):
      installation = nil
      supervisor = nil
      modules = nil
      telemetry.logger.warning("code cannot be run", ["reason": .string(reason.description)])
    }
  }

  /// The folder of this program, where its helpers are.
  package static func programFolder() -> String {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
    let path = buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }
    return path.lastIndex(of: UInt8(ascii: "/")).map { String(decoding: path[..<$0], as: UTF8.self) } ?? "/"
  }

  /// Whether code is run.
  package var state: SandboxState { supervisor?.state ?? .absent }
  /// Whether `run_python` is the system's python3.
  package var runsNativePython: Bool { usesNativePython }

  /// Starts, tests itself, and tries again after a pause while workers do not start. An escape is final.
  package func run() async {
    guard let supervisor, let modules, let installation else { return }
    SandboxPlan.removeLeftFolders()
    var hasStarted = false
    while !isStopped.load(ordering: .relaxed) {
      do {
        if !hasStarted {
          try await installation.prepare()
          try await modules.start()
          try await supervisor.start()
          hasStarted = true
        }
      } catch {
        telemetry.logger.error("the sandbox cannot be started", ["reason": .string("\(error)")])
        supervisor.open(as: .failing)
        guard await pause() else { return }
        continue
      }
      switch await installation.selfTest(usesNativePython).run(on: supervisor) {
      case .contained:
        guard !isStopped.load(ordering: .relaxed) else { return }
        supervisor.open(as: .serving)
        telemetry.logger.info("the sandbox serves")
        return
      case .escaped(let name):
        supervisor.open(as: .unsafe)
        telemetry.logger.error("an escape from the sandbox has succeeded; no code is run", ["name": .string(name)])
        return
      case .failed(let name, let outcome):
        supervisor.open(as: .failing)
        telemetry.logger.error(
          "the self-test of the sandbox does not run", ["name": .string(name), "outcome": .string(outcome)])
        guard await pause() else { return }
      }
    }
  }

  /// Waits until it is known whether code is run, for a bounded time: a step that comes before would fail for want of
  /// it.
  package func settled() async {
    for _ in 0..<500 where state == .starting { try? await EventLoop.sleep(for: .milliseconds(20)) }
  }

  private func pause() async -> Bool {
    (try? await EventLoop.sleep(for: Sandbox.retryPause)) != nil && !isStopped.load(ordering: .relaxed)
  }

  /// Runs no more jobs and ends all workers.
  package func stop() async {
    isStopped.store(true, ordering: .relaxed)
    await supervisor?.stop()
    try? await installation?.cleanUp()
  }

  /// A run has ended: its sessions go.
  package func endRun(tenant: String, run: String) {
    for scope in [run, run + "/session", run + "/tool"] {
      supervisor?.endSession(SessionKey(tenant: tenant, scope: scope))
    }
  }

  // MARK: CodeRunning

  package var limits: RunLimits { configuration.limits }

  package func run(_ job: SandboxJob, trace: TraceContext?) async -> SandboxResult {
    guard let supervisor else { return SandboxResult(ending: .unavailable(.absent), report: .empty) }
    let span = telemetry.tracer.startSpan("run_code", kind: .internal, parent: trace)
    let result = await supervisor.run(job, trace: span.isRecording ? span.context : nil)
    if span.isRecording {
      span.setAttribute("cadre.sandbox.runtime", .string(job.kind.rawValue))
      span.setAttribute("cadre.outcome", .string(result.code))
      span.setAttribute("cadre.sandbox.fuel", .int(result.report.metering.fuel))
      span.setAttribute("cadre.sandbox.queue_us", .int(result.queueMicroseconds))
      span.setAttribute("cadre.sandbox.continued", .bool(result.isContinued))
    }
    span.end()
    return result
  }

  package func compiled(_ module: [UInt8], for session: SessionKey, trace: TraceContext?) async -> ModuleCache.Outcome {
    guard let modules else { return .failed(SandboxResult(ending: .unavailable(.absent), report: .empty)) }
    return await modules.compiled(module, for: session, trace: trace)
  }

  package func release(_ lease: ModuleCache.Lease) { modules?.release(lease) }
}
