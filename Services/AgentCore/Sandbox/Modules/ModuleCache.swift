internal import CLinux
internal import Crypto
internal import Glibc
internal import Primitives
internal import Reactor
internal import SandboxProtocol
internal import Synchronization
package import Telemetry

/// Modules of users, compiled once by a worker of their own and kept as files that only this process writes. Their
/// names are digests of what is in them; one digest serves all who have brought the same module.
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
  /// Held while the folder changes, on a thread that may block.
  private let changes = Mutex<Void>(())
  private let lookups: CounterFamily
  private let size: Gauge

  /// A cache in `folder`. `configuration` names the engine and its options: what it compiles is of no use to another.
  package init(
    folder: String, bytesMax: Int, entriesMax: Int = 1024, configuration: String, supervisor: SandboxSupervisor
  ) {
    self.folder = folder
    self.configuration = configuration
    self.supervisor = supervisor
    files = supervisor.files
    index = Mutex(ModuleIndex(bytesMax: bytesMax, entriesMax: entriesMax))
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
    if let rejection = report?.rejection { return await reject(key, rejection) }
    switch result.ending {
    case .ran(.ok):
      guard let compiled = report?.compiled, !compiled.isEmpty else { return .failed(result) }
      return await keep(key, compiled) ?? .failed(result)
    case .ran(let outcome) where ModuleCache.isRejection(outcome):
      return await reject(key, "compiling it takes more time or memory than is allowed")
    case .ran(.timeoutWall): return .rejected("compiling it takes more time than is allowed")
    default: return .failed(result)
    }
  }

  /// Whether it is the module to which an end of the compiler is due, so that another try is in vain. Processor time is
  /// bounded more narrowly than time: what takes too long was given no processor.
  static func isRejection(_ outcome: RunOutcome) -> Bool {
    [.timeoutCPU, .memory, .disk, .denied].contains(outcome)
  }

  private static let compileMilliseconds: Int64 = 10_000

  private func reject(_ key: String, _ reason: String) async -> Outcome {
    _ = await change(key, to: .rejected(reason), nil)
    return .rejected(reason)
  }

  private func keep(_ key: String, _ compiled: [UInt8]) async -> Outcome? {
    let digest = Hex.encode(Digest.sha256(compiled))
    guard case .compiled(let known)? = await change(key, to: .compiled(digest), (digest, compiled)) else { return nil }
    return .ready(digest: known, lease: Lease(key: key))
  }

  /// Adds an entry with its file, and deletes the files that no entry has any more; what is known of the module then.
  private func change(
    _ key: String, to entry: ModuleIndex.Entry, _ file: (name: String, bytes: [UInt8])?
  ) async -> ModuleIndex.Entry? {
    let known = try? await files.run { [self] () -> ModuleIndex.Entry? in
      // One after the other: a file that one change deletes may be what another has just found there.
      changes.withLock { _ in
        if let file, !ModuleCache.write(file.bytes, path(file.name)) { return nil }
        let insertion = index.withLock { index in
          let insertion = index.insert(key, entry, bytes: file?.bytes.count ?? 0)
          size.set(Int64(index.bytes))
          return insertion
        }
        for name in insertion.unused { unlink(path(name)) }
        return insertion.entry
      }
    }
    return known ?? nil
  }

  private func path(_ name: String) -> String { "\(folder)/\(name).cwasm" }

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
