package import Settings

/// The settings of the sandbox.
package enum SandboxSettings {
  /// Whether there is one.
  package static let isEnabled = Setting(
    "sandbox.enabled", .bool, default: true,
    "Whether code can be run; without the engine or the jail the tools say that they are not available.")
  /// Where the engine is.
  package static let engineFolder = Setting(
    "sandbox.engine_folder", .string(bytesMaximum: 4096), default: "",
    "Folder of the engine's files; empty takes `sandbox` beside the folder of this program.")
  /// Where scratch folders are.
  package static let scratchFolder = Setting(
    "sandbox.scratch_folder", .string(bytesMaximum: 4096), default: "",
    "Folder for scratch folders and compiled modules, for this process alone and emptied at its start; empty takes one in the folder for temporary files."
  )
  /// Jobs at a time.
  package static let runningMax = Setting(
    "sandbox.running_max", .int(in: 0...256), default: 0,
    "Jobs that run at the same time; 0 takes the number of cores.")
  /// Jobs of a tenant.
  package static let runningPerTenantMax = Setting(
    "sandbox.running_per_tenant_max", .int(in: 1...256), default: 2, "Jobs of one tenant that run at the same time.")
  /// Processes.
  package static let workersMax = Setting(
    "sandbox.workers_max", .int(in: 1...256), default: 16,
    "Worker processes, those that wait for the next job of a session included.")
  /// Warm ones.
  package static let warm = Setting(
    "sandbox.warm_workers", .int(in: 0...32), default: 1,
    "Worker processes of Python and of JavaScript, each, that wait for new sessions.")
  /// The queue.
  package static let queuedMax = Setting(
    "sandbox.queued_max", .int(in: 1...10_000), default: 64, "Jobs that wait for a worker; one tenant has half of them."
  )
  /// Patience.
  package static let queueWait = Setting(
    "sandbox.queue_wait_ms", .milliseconds(in: 0...300_000), default: .seconds(10),
    "Time that a job waits for a worker before it is refused.")
  /// Sessions.
  package static let sessionIdle = Setting(
    "sandbox.session_idle_ms", .milliseconds(in: 0...3_600_000), default: .seconds(120),
    "Time that the worker of a session waits for its next job.")
  /// Time.
  package static let wall = Setting(
    "sandbox.wall_ms", .milliseconds(in: 10...120_000), default: .seconds(10), "Time of one run.")
  /// Processor.
  package static let processor = Setting(
    "sandbox.cpu_ms", .milliseconds(in: 10...120_000), default: .seconds(5),
    "Processor time of one run; it is counted in instructions, 11 million for a millisecond.")
  /// Memory.
  package static let memory = Setting(
    "sandbox.memory_bytes", .bytes(in: 33_554_432...1_073_741_824), default: 134_217_728,
    "Memory of one run; no more than this machine has.")
  /// Output.
  package static let output = Setting(
    "sandbox.output_bytes", .bytes(in: 1024...16_777_216), default: 4_194_304,
    "Bytes that a run may write to each of stdout and stderr; beginning and end are kept.")
  /// Files.
  package static let scratchBytes = Setting(
    "sandbox.scratch_bytes", .bytes(in: 65_536...1_073_741_824), default: 67_108_864,
    "Bytes of the files of one session.")
  /// Files.
  package static let scratchFiles = Setting(
    "sandbox.scratch_files", .int(in: 1...10_000), default: 256, "Files and folders of one session.")
  /// Modules.
  package static let moduleCache = Setting(
    "sandbox.module_cache_bytes", .bytes(in: 16_777_216...68_719_476_736), default: 536_870_912,
    "Bytes of compiled modules that are kept.")
  /// The jail.
  package static let requiresLandlock = Setting(
    "sandbox.require_landlock", .bool, default: true,
    "Whether workers are refused on a kernel without Landlock; switch it off only where nobody runs hostile code.")
  /// Users.
  package static let firstUser = Setting(
    "sandbox.first_uid", .int(in: 0...2_000_000_000), default: 61_000,
    "First of the user ids of the workers, one each, when this process may change users; 0 keeps its own.")
  /// Native Python.
  package static let nativePython = Setting(
    "sandbox.native_python", .bool, default: false,
    "Whether `run_python` runs /usr/bin/python3 in the jail instead of Python in the engine: more libraries, one layer less."
  )

  /// All of them.
  package static let all: [any SettingDeclaration] = [
    isEnabled, engineFolder, scratchFolder, runningMax, runningPerTenantMax, workersMax, warm, queuedMax, queueWait,
    sessionIdle, wall, processor, memory, output, scratchBytes, scratchFiles, moduleCache, requiresLandlock, firstUser,
    nativePython,
  ]

  /// What is wrong with the memory of a run on a machine that has `physicalBytes`; `nil` when nothing is, or when
  /// that is not known.
  static func memoryFault(_ bytes: Int64, physicalBytes: Int64) -> SandboxFault? {
    guard physicalBytes > 0, bytes > physicalBytes else { return nil }
    return SandboxFault(
      "sandbox.memory_bytes is \(bytes >> 20) MiB, and this machine has \(physicalBytes >> 20) MiB of memory")
  }

  /// The fuel of a time on a processor.
  static func fuel(milliseconds: Int64) -> Int64 {
    milliseconds.multipliedReportingOverflow(by: 11_000_000).partialValue
  }
}
