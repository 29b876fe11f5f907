internal import CLinux
internal import Crypto
internal import Glibc
internal import JSON
internal import Primitives
package import Process
internal import Reactor
internal import SandboxProtocol
internal import Synchronization

/// The launcher, the worker and the engine of this machine.
package struct SandboxInstallation: WorkerLauncher {
  /// Names the engine and how it compiles.
  let engineDigest: String
  /// Where compiled modules of users are.
  package let moduleFolder: String
  private let jail: String
  private let worker: String
  private let engineFolder: String
  private let workFolder: String
  private let memoryBytes: Int64
  private let fileBytesMax: Int
  private let requiresLandlock: Bool
  private let usesNativePython: Bool
  private let processorSeconds: Int64
  private let jobSeconds: Int64
  private let identities = EngineIdentities()

  /// Looks for everything that is needed. Throws with what is missing.
  package init(
    engineFolder: String, programFolder: String, workFolder: String, memoryBytes: Int64, fileBytesMax: Int,
    requiresLandlock: Bool, usesNativePython: Bool, processorSeconds: Int64 = 600,
    jobSeconds: Int64 = 6
  ) throws(SandboxFault) {
    jail = programFolder + "/sandbox-jail"
    worker = programFolder + "/sandbox-worker"
    for program in [jail, worker] where access(program, X_OK) != 0 {
      throw SandboxFault("\(program) is not there")
    }
    for file in ["lib/libwasmtime.so", "aot/python.cwasm", "aot/javascript.cwasm", "manifest.json"] {
      guard access("\(engineFolder)/\(file)", R_OK) == 0 else {
        throw SandboxFault("the engine is not installed: \(engineFolder)/\(file) is not there")
      }
    }
    guard let manifest = SandboxInstallation.read("\(engineFolder)/manifest.json") else {
      throw SandboxFault("the engine's manifest cannot be read")
    }
    engineDigest = Hex.encode(Digest.sha256(manifest))
    moduleFolder = workFolder + "/modules"
    self.engineFolder = engineFolder
    self.workFolder = workFolder
    self.memoryBytes = memoryBytes
    self.fileBytesMax = fileBytesMax
    self.requiresLandlock = requiresLandlock
    self.usesNativePython = usesNativePython
    self.processorSeconds = processorSeconds
    self.jobSeconds = jobSeconds
  }

  /// The folder of the engine where nothing else is configured: the first `sandbox` beside the folder of the programs
  /// or beside one of its parents.
  package static func engineFolder(besides programFolder: String) -> String {
    var parents = programFolder.split(separator: "/").dropLast()
    let first = "/" + (parents + ["sandbox"]).joined(separator: "/")
    for _ in 0..<parentsMax where !parents.isEmpty {
      let folder = "/" + (parents + ["sandbox"]).joined(separator: "/")
      if access(folder + "/manifest.json", R_OK) == 0 { return folder }
      parents.removeLast()
    }
    return first
  }

  private static let parentsMax = 3

  private static let fileBytesMax = 4 << 20

  private static func read(_ path: String) -> [UInt8]? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 64 << 10)
    while bytes.count < fileBytesMax {
      let count = Glibc.read(file, &piece, piece.count)
      guard count > 0 else { break }
      bytes += piece.prefix(count)
    }
    return bytes.isEmpty ? nil : bytes
  }

  /// Makes the folder of scratch folders and modules, with the file that the self-test looks for.
  package func prepare() async throws {
    let (folder, canary) = (workFolder, canaryPath)
    try await BlockingPool.shared.run {
      guard mkdir(folder, 0o711) == 0 || errno == EEXIST else {
        throw SandboxFault("the work folder cannot be made", errno: errno)
      }
      var status = stat()
      guard lstat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, status.st_uid == geteuid() else {
        throw SandboxFault("the work folder is somebody else's")
      }
      _ = chmod(folder, 0o711)
      let file = open(canary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0o644)
      guard file >= 0 else { throw SandboxFault("the work folder cannot be written", errno: errno) }
      _ = write(file, "canary", 6)
      _ = fchmod(file, 0o644)
      close(file)
    }
    try await verify()
  }

  /// Compares the engine with its manifest, once.
  private func verify() async throws {
    let specification = ProcessSpecification(worker, ["verify", "--engine-folder", engineFolder], environment: [:])
    let ended = try await BlockingPool.shared.run {
      try ChildProcess.run(specification, seconds: SandboxInstallation.verifySeconds)
    }
    guard ended.status == 0, let root = try? JSONDocument(parsing: ended.bytes).root else {
      throw SandboxFault("the engine is not what its manifest says (status \(ended.status))")
    }
    var found: [String: String] = [:]
    for (place, identity) in root.members { found[place.string ?? ""] = identity.string }
    identities.set(found)
  }

  private static let verifySeconds = 120

  /// Deletes the folder, as far as that is possible: it may be a mount.
  package func cleanUp() async throws {
    let folder = workFolder
    _ = try await BlockingPool.shared.run { FolderRemoval.remove(folder) }
  }

  private var canaryPath: String { workFolder + "/canary" }

  func selfTest(_ usesNativePython: Bool) -> SandboxSelfTest {
    SandboxSelfTest(canaryPath: canaryPath, usesNativePython: usesNativePython)
  }

  // MARK: WorkerLauncher

  /// The jail, which becomes the worker.
  package func specification(
    _ kind: WorkerKind, slot: Int, scratch: String, user: UInt32?
  ) -> ProcessSpecification {
    var arguments = ["--profile", kind.profile, "--scratch", scratch]
    if let user { arguments += ["--uid", "\(user)", "--gid", "\(user)"] }
    arguments += ["--landlock", requiresLandlock ? "require" : "allow-missing"]
    arguments += ["--file-bytes", "\(fileBytesMax)"]
    if kind == .nativePython {
      // One job: its time is its own. No engine and no runtime of ours is readable.
      arguments += ["--data-bytes", "\(memoryBytes)", "--cpu-seconds", "\(jobSeconds)"]
      arguments += ["--", NativePython.interpreter] + NativePython.arguments
      return ProcessSpecification(jail, arguments, name: "sandbox worker", environment: [:], folder: "/")
    }
    arguments += ["--read", engineFolder]
    for folder in SandboxInstallation.runtimeFolders { arguments += ["--read", folder] }
    switch kind {
    case .compiler: arguments += ["--data-bytes", "\(768 << 20)", "--cpu-seconds", "3"]
    case .wasm: arguments += ["--read", moduleFolder]
    case .python, .javascript, .nativePython: break
    }
    if kind != .compiler {
      // What the engine itself needs, beside the guest's memory.
      arguments += ["--data-bytes", "\(memoryBytes + 192 << 20)", "--cpu-seconds", "\(processorSeconds)"]
    }
    arguments += ["--", worker, kind == .compiler ? "compile" : "run", "--engine-folder", engineFolder]
    if kind != .compiler { arguments += ["--scratch", scratch] }
    if kind == .wasm { arguments += ["--modules", moduleFolder] }
    if let runtime = kind.loaded { arguments += ["--load", runtime.rawValue] }
    for (place, identity) in identities.value { arguments += ["--verified", "\(place)=\(identity)"] }
    return ProcessSpecification(jail, arguments, name: "sandbox worker", environment: [:], folder: "/")
  }

  /// Where the Swift runtime of this process is, when it is no library of the system: the worker has the same.
  private static let runtimeFolders: [String] = {
    let text = String(decoding: SandboxInstallation.read("/proc/self/maps") ?? [], as: UTF8.self)
    let paths = text.split(separator: "\n").compactMap { line in
      line.hasSuffix("/libswiftCore.so") ? line.firstIndex(of: "/").map { line[$0...].dropLast(16) } : nil
    }
    return Set(paths.map(String.init)).filter { !$0.hasPrefix("/usr/lib") && !$0.hasPrefix("/lib") }.sorted()
  }()
}

extension WorkerKind {
  /// What a worker loads before it is ready.
  fileprivate var loaded: SandboxRuntime? {
    switch self {
    case .python: .python
    case .javascript: .javascript
    case .wasm, .compiler, .nativePython: nil
    }
  }
}

extension WorkerKind {
  /// The name of what the jail allows.
  fileprivate var profile: String {
    switch self {
    case .python, .javascript, .wasm: "wasm-run"
    case .compiler: "wasm-compile"
    case .nativePython: "native-python"
    }
  }
}

/// The identities of the engine's files, once they were compared with the manifest: workers then need not read them
/// again.
private final class EngineIdentities: Sendable {
  private let known = Mutex<[String: String]>([:])

  var value: [(String, String)] { known.withLock { $0.sorted { $0.key < $1.key } } }

  func set(_ identities: [String: String]) { known.withLock { $0 = identities } }
}
