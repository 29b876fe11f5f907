internal import Glibc
internal import Primitives
internal import SandboxProtocol
internal import Settings

/// What the settings mean on this machine.
struct SandboxPlan {
  let configuration: SandboxConfiguration
  let installation: Result<SandboxInstallation, SandboxFault>
  let moduleCacheBytes: Int
  let usesNativePython: Bool

  private static let folderPrefix = "/tmp/cadre-sandbox-"

  /// Removes the folders of processes that were killed: nobody else does.
  static func removeLeftFolders() { FolderRemoval.removeLeft(prefix: folderPrefix) }

  init(_ settings: Settings, programFolder: String) {
    let scratch = settings[SandboxSettings.scratchFolder]
    // Of this process alone: two on one machine must not delete each other's folders.
    let root = scratch.isEmpty ? "\(SandboxPlan.folderPrefix)\(getpid())" : scratch
    configuration = SandboxPlan.configuration(settings, root: root)
    moduleCacheBytes = settings[SandboxSettings.moduleCache]
    usesNativePython = settings[SandboxSettings.nativePython]
    guard settings[SandboxSettings.isEnabled] else {
      installation = .failure(SandboxFault("it is switched off (sandbox.enabled)"))
      return
    }
    let physicalBytes = Int64(sysconf(Int32(_SC_PHYS_PAGES))) * Int64(sysconf(Int32(_SC_PAGESIZE)))
    if let fault = SandboxSettings.memoryFault(configuration.limits.memoryBytes, physicalBytes: physicalBytes) {
      installation = .failure(fault)
      return
    }
    let engine = settings[SandboxSettings.engineFolder]
    let seconds = SandboxPlan.milliseconds(settings[SandboxSettings.processor]) / 1000 + 1
    do throws(SandboxFault) {
      installation = .success(
        try SandboxInstallation(
          engineFolder: engine.isEmpty ? SandboxInstallation.engineFolder(besides: programFolder) : engine,
          programFolder: programFolder, workFolder: root, memoryBytes: configuration.limits.memoryBytes,
          fileBytesMax: configuration.scratch.bytesMax, requiresLandlock: settings[SandboxSettings.requiresLandlock],
          usesNativePython: usesNativePython,
          processorSeconds: Int64(configuration.pool.jobsPerWorkerMax) * seconds, jobSeconds: seconds))
    } catch { installation = .failure(error) }
  }

  private static func configuration(_ settings: Settings, root: String) -> SandboxConfiguration {
    var result = SandboxConfiguration(scratchRoot: root + "/scratch")
    let cores = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    let running = settings[SandboxSettings.runningMax]
    result.pool.runningMax = running == 0 ? min(cores, 256) : running
    // One place is always left for others, where there is more than one.
    result.pool.runningPerTenantMax = min(
      settings[SandboxSettings.runningPerTenantMax], max(1, result.pool.runningMax - 1))
    result.pool.workersMax = max(settings[SandboxSettings.workersMax], result.pool.runningMax)
    let warm = settings[SandboxSettings.warm]
    if warm > 0 { result.pool.warm = [.python: warm, .javascript: warm] }
    result.pool.queuedMax = settings[SandboxSettings.queuedMax]
    result.pool.queuedPerTenantMax = max(1, result.pool.queuedMax / 2)
    result.pool.queueWait = UInt64(clamping: settings[SandboxSettings.queueWait].nanoseconds)
    result.pool.sessionIdle = UInt64(clamping: settings[SandboxSettings.sessionIdle].nanoseconds)
    result.limits.wallMilliseconds = milliseconds(settings[SandboxSettings.wall])
    result.limits.fuel = SandboxSettings.fuel(milliseconds: milliseconds(settings[SandboxSettings.processor]))
    result.limits.memoryBytes = Int64(settings[SandboxSettings.memory])
    result.limits.outputBytes = Int64(settings[SandboxSettings.output])
    result.limits.scratchBytes = Int64(settings[SandboxSettings.scratchBytes])
    result.limits.scratchFiles = Int64(settings[SandboxSettings.scratchFiles])
    result.scratch.bytesMax = settings[SandboxSettings.scratchBytes]
    result.scratch.entriesMax = settings[SandboxSettings.scratchFiles]
    let first = settings[SandboxSettings.firstUser]
    if first > 0, geteuid() == 0 { result.firstUser = UInt32(clamping: first) }
    return result
  }

  private static func milliseconds(_ duration: Duration) -> Int64 { max(1, duration.nanoseconds / 1_000_000) }
}
