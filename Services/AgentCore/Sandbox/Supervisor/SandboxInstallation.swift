internal import Crypto
internal import Glibc
package import Process
internal import Primitives
internal import Reactor

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

  /// Looks for everything that is needed. Throws with what is missing.
  package init(
    engineFolder: String, programFolder: String, workFolder: String, memoryBytes: Int64, fileBytesMax: Int,
    requiresLandlock: Bool, usesNativePython: Bool
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

  private static let manifestBytesMax = 1 << 20

  private static func read(_ path: String) -> [UInt8]? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: manifestBytesMax)
    let count = Glibc.read(file, &bytes, bytes.count)
    return count > 0 ? Array(bytes.prefix(count)) : nil
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
  }

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

  /// The jail with the worker in it.
  package func specification(
    _ kind: WorkerKind, slot: Int, scratch: String, user: UInt32?
  ) -> ProcessSpecification {
    ProcessSpecification(jail, [], name: "sandbox worker", environment: [:], folder: "/")
  }
}
