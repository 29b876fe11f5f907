internal import CLinux
internal import Crypto
internal import Glibc
internal import Primitives
internal import Reactor
internal import SandboxProtocol
internal import Synchronization
package import Telemetry

/// Modules of users, compiled once by a worker of their own and kept as files that only this process writes. Their names
/// are digests of what is in them; one digest serves all who have brought the same module.
package final class ModuleCache: Sendable {
  /// What a module is after a look at it.
  package enum Outcome: Sendable {
    /// It can run: the digest of its compiled form, and what to give back afterwards.
    case ready(digest: String, lease: Lease)
    /// It cannot be compiled.
    case rejected(String)
    /// The compiling ended otherwise.
    case failed(SandboxResult)
  }

  /// A compiled module in use.
  package struct Lease: Sendable { let key: String }

  private let folder: String
  private let configuration: String
  private let supervisor: SandboxSupervisor
  private let files: BlockingPool
  private let index: Mutex<ModuleIndex>
  private let lookups: CounterFamily
  private let size: Gauge

  /// A cache in `folder`. `configuration` names the engine and its options: what it compiles is of no use to another.
  package init(folder: String, bytesMax: Int, configuration: String, supervisor: SandboxSupervisor) {
    self.folder = folder
    self.configuration = configuration
    self.supervisor = supervisor
    files = supervisor.files
    index = Mutex(ModuleIndex(bytesMax: bytesMax))
    let registry = supervisor.telemetry.registry
    lookups = registry.counter(
      "cadre_sandbox_module_lookups_total", help: "Looks at the cache of compiled modules.", labels: ["result"])
    size = registry.gauge("cadre_sandbox_module_bytes", help: "Bytes of compiled modules.")
  }

  /// Empties the folder: what an earlier process has left is not known, so not trusted.
  package func start() async throws {
    let folder = folder
    try await files.run {
      _ = FolderRemoval.remove(folder)
      // The workers open a file whose name they know, and cannot list.
      guard mkdir(folder, 0o711) == 0 else { throw SandboxFault("the module folder cannot be made", errno: errno) }
      _ = chmod(folder, 0o711)
    }
  }

  /// The compiled form of a module; compiles it for `session` when it is not known.
  package func compiled(_ module: [UInt8], for session: SessionKey, trace: TraceContext?) async -> Outcome {
    let key = Hex.encode(Digest.sha256(Array(configuration.utf8) + [0] + Digest.sha256(module)))
    let known: ModuleIndex.Entry? = index.withLock { $0.use(key) }
    switch known {
    case .compiled(let digest)?:
      lookups.with("hit").add()
      return .ready(digest: digest, lease: Lease(key: key))
    case .rejected(let reason)?:
      lookups.with("rejected").add()
      return .rejected(reason)
    case nil: lookups.with("miss").add()
    }
    var limits = RunLimits()
    limits.wallMilliseconds = ModuleCache.compileMilliseconds
    let job = SandboxJob(
      session: session, kind: .compiler,
      request: RunRequest(id: "", runtime: .wasm, source: module, limits: limits))
    let (result, report) = await supervisor.runAny(job, trace: trace)
    if let rejection = report?.rejection { return reject(key, rejection) }
    switch result.ending {
    case .ran(.ok):
      guard let compiled = report?.compiled, !compiled.isEmpty else { return .failed(result) }
      return await keep(key, compiled) ?? .failed(result)
    case .ran(.timeoutWall), .ran(.timeoutCPU), .ran(.memory), .ran(.disk), .ran(.denied):
      return reject(key, "compiling it takes more time or memory than is allowed")
    default: return .failed(result)
    }
  }

  private static let compileMilliseconds: Int64 = 10_000

  private func reject(_ key: String, _ reason: String) -> Outcome {
    index.withLock { _ = $0.insert(key, .rejected(reason), bytes: 0) }
    return .rejected(reason)
  }

  private func keep(_ key: String, _ compiled: [UInt8]) async -> Outcome? {
    let digest = Hex.encode(Digest.sha256(compiled))
    let folder = folder
    let isWritten = try? await files.run { ModuleCache.write(compiled, "\(folder)/\(digest).cwasm") }
    guard isWritten == true else { return nil }
    let evicted = index.withLock { index -> [String]? in
      let evicted = index.insert(key, .compiled(digest), bytes: compiled.count)
      size.set(Int64(index.bytes))
      return evicted
    }
    _ = try? await files.run { for name in evicted ?? [digest] { unlink("\(folder)/\(name).cwasm") } }
    return evicted == nil ? nil : .ready(digest: digest, lease: Lease(key: key))
  }

  /// Writes a file as a whole or not at all; one that is there already has the same content.
  private static func write(_ bytes: [UInt8], _ path: String) -> Bool {
    if access(path, F_OK) == 0 { return true }
    let temporary = path + ".new"
    unlink(temporary)
    let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o444)
    guard file >= 0 else { return false }
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.write(file, $0.baseAddress.map { $0 + written }, bytes.count - written)
      }
      guard count > 0 else { break }
      written += count
    }
    _ = fchmod(file, 0o444)
    close(file)
    guard written == bytes.count, rename(temporary, path) == 0 else {
      unlink(temporary)
      return false
    }
    return true
  }

  /// A run has ended.
  package func release(_ lease: Lease) { index.withLock { $0.release(lease.key) } }
}
