import AgentSandbox
import Glibc
import Process
import SandboxProtocol
import SystemSources
import Telemetry

/// Measures the sandbox through its supervisor, jail included: starts, jobs in a session, kills past the deadline, and
/// memory. `bench-sandbox PROGRAM_FOLDER [ENGINE_FOLDER]`; programs and engine are those of the build.
@main enum BenchSandbox {
  static func main() async {
    let arguments = CommandLine.arguments
    guard arguments.count > 1 else { return print("usage: bench-sandbox PROGRAM_FOLDER [ENGINE_FOLDER]") }
    let engine = arguments.count > 2 ? arguments[2] : SandboxInstallation.engineFolder(besides: arguments[1])
    do { try await measure(programs: arguments[1], engine: engine) } catch { print("failed: \(error)") }
  }

  private static func measure(programs: String, engine: String) async throws {
    let folder = "/tmp/cadre-bench-sandbox-\(getpid())"
    let installation = try SandboxInstallation(
      engineFolder: engine, programFolder: programs, workFolder: folder, memoryBytes: 128 << 20,
      fileBytesMax: 64 << 20, requiresLandlock: true, usesNativePython: false)
    try await installation.prepare()
    print("| measure | p50 ms | p99 ms | max ms | n |\n| --- | --- | --- | --- | --- |")
    for kind in [WorkerKind.python, .javascript] {
      try await cold(kind, folder, installation)
      try await warm(kind, folder, installation)
      try await session(kind, folder, installation)
      try await kills(kind, folder, installation)
    }
    try await memory(folder, installation)
    try await installation.cleanUp()
  }

  private static func supervisor(
    _ folder: String, _ installation: SandboxInstallation, _ change: (inout SandboxConfiguration) -> Void = { _ in }
  ) async throws -> SandboxSupervisor {
    var configuration = SandboxConfiguration(scratchRoot: folder + "/scratch")
    configuration.pool.jobsPerWorkerMax = 1_000_000
    if geteuid() == 0 { configuration.firstUser = 61_000 }
    change(&configuration)
    let supervisor = SandboxSupervisor(configuration, launcher: installation, telemetry: .disabled())
    try await supervisor.start()
    supervisor.open(as: .serving)
    return supervisor
  }

  private static func job(
    _ kind: WorkerKind, _ source: String, scope: String, wall: Int64 = 10_000
  ) -> SandboxJob {
    var limits = RunLimits()
    limits.wallMilliseconds = wall
    return SandboxJob(
      session: SessionKey(tenant: "bench", scope: scope), kind: kind,
      request: RunRequest(
        id: "", runtime: kind == .javascript ? .javascript : .python, source: Array(source.utf8), limits: limits))
  }

  private static func hello(_ kind: WorkerKind) -> String {
    kind == .javascript ? "console.log(6 * 7)" : "print(6 * 7)"
  }

  private static func timed(_ body: () async -> SandboxResult) async -> Double? {
    let start = MonotonicClock.now()
    let result = await body()
    guard result.code == "ok" else {
      print("a job ended with \(result.code)")
      return nil
    }
    return Double(MonotonicClock.now() - start) / 1e6
  }

  private static func show(_ name: String, _ times: [Double]) {
    let sorted = times.sorted()
    guard let last = sorted.last else { return print("| \(name) | - | - | - | 0 |") }
    func at(_ part: Double) -> Double { sorted[min(sorted.count - 1, Int(Double(sorted.count) * part))] }
    func text(_ value: Double) -> String { "\((value * 100).rounded() / 100)" }
    print("| \(name) | \(text(at(0.5))) | \(text(at(0.99))) | \(text(last)) | \(sorted.count) |")
  }

  /// Nothing runs: process, jail, engine, job.
  private static func cold(_ kind: WorkerKind, _ folder: String, _ installation: SandboxInstallation) async throws {
    let supervisor = try await supervisor(folder, installation)
    var times: [Double] = []
    for round in 0..<60 {
      if let time = await timed({ await supervisor.run(job(kind, hello(kind), scope: "\(round)")) }) {
        times.append(time)
      }
      supervisor.endSession(SessionKey(tenant: "bench", scope: "\(round)"))
    }
    await supervisor.stop()
    show("\(kind.rawValue): first job, nothing running", times)
  }

  /// The first job of a session on a worker that waits for one.
  private static func warm(_ kind: WorkerKind, _ folder: String, _ installation: SandboxInstallation) async throws {
    let supervisor = try await supervisor(folder, installation) { $0.pool.warm = [kind: 2] }
    var times: [Double] = []
    for round in 0..<100 {
      while await supervisor.warmCount(kind) < 2 { try await Task.sleep(for: .milliseconds(5)) }
      if let time = await timed({ await supervisor.run(job(kind, hello(kind), scope: "\(round)")) }) {
        times.append(time)
      }
      supervisor.endSession(SessionKey(tenant: "bench", scope: "\(round)"))
    }
    await supervisor.stop()
    show("\(kind.rawValue): first job on a warm worker", times)
  }

  /// Jobs of one session, one after the other.
  private static func session(_ kind: WorkerKind, _ folder: String, _ installation: SandboxInstallation) async throws {
    let supervisor = try await supervisor(folder, installation)
    var next = job(kind, hello(kind), scope: "one")
    next.request.isSession = true
    _ = await supervisor.run(next)
    var times: [Double] = []
    let start = MonotonicClock.now()
    for _ in 0..<1000 {
      if let time = await timed({ [next] in await supervisor.run(next) }) { times.append(time) }
    }
    let seconds = Double(MonotonicClock.now() - start) / 1e9
    await supervisor.stop()
    show("\(kind.rawValue): next job of a session", times)
    print("| \(kind.rawValue): jobs per second on one worker | \(Int(1000 / seconds)) | | | 1000 |")
  }

  /// Past the deadline: guests that compute, and guests that sleep.
  private static func kills(_ kind: WorkerKind, _ folder: String, _ installation: SandboxInstallation) async throws {
    let programs: [(String, String)] =
      kind == .javascript
      ? [("computes", "while (true) {}")]
      : [
        ("computes", "while True: pass"), ("sleeps", "import time\ntime.sleep(1e6)"),
        ("blocks", "import select\nselect.select([], [], [], 1e6)"),
      ]
    for (name, source) in programs {
      let supervisor = try await supervisor(folder, installation) { $0.pool.warm = [kind: 1] }
      var times: [Double] = []
      for round in 0..<40 {
        while await supervisor.warmCount(kind) < 1 { try await Task.sleep(for: .milliseconds(5)) }
        let start = MonotonicClock.now()
        let result = await supervisor.run(job(kind, source, scope: "\(round)", wall: 100))
        let time = Double(MonotonicClock.now() - start) / 1e6 - 100
        if result.code == "timeout_wall" { times.append(time) } else { print("ended with \(result.code)") }
      }
      await supervisor.stop()
      show("\(kind.rawValue): answer past the deadline, \(name)", times)
    }
  }

  /// Memory of idle workers: what is their own, and what they have a share of.
  private static func memory(_ folder: String, _ installation: SandboxInstallation) async throws {
    let count = 6
    let supervisor = try await supervisor(folder, installation) { $0.pool.warm = [.python: count] }
    while await supervisor.warmCount(.python) < count { try await Task.sleep(for: .milliseconds(5)) }
    try await Task.sleep(for: .milliseconds(200))
    var total = 0
    for process in await supervisor.processIDs() {
      let text =
        (try? ChildProcess.run(ProcessSpecification("/bin/cat", ["/proc/\(process)/smaps_rollup"])).output) ?? ""
      let line = text.split(separator: "\n").first { $0.hasPrefix("Pss:") }
      total += line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    }
    print(
      "| python: memory of an idle worker, of \(count) (PSS, MiB) | \(Double(total / count / 102) / 10) | | | \(count) |"
    )
    await supervisor.stop()
  }
}
