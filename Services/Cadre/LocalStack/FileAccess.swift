internal import CLinux
internal import Glibc
internal import Process

/// The few things that the local stack does with files.
public enum FileAccess {
  /// Whether something is there.
  public static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// The content of a small file, `nil` when it cannot be read.
  public static func read(_ path: String) -> String? {
    guard let file = fopen(path, "re") else { return nil }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes.prefix(count), as: UTF8.self)
  }

  /// The content of a file of at most `bytesMax` bytes, `nil` when it cannot be read or has more.
  public static func bytes(_ path: String, bytesMax: Int = 64 << 20) -> [UInt8]? {
    guard let file = fopen(path, "re") else { return nil }
    defer { fclose(file) }
    var whole: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = fread(&piece, 1, piece.count, file)
      whole += piece.prefix(count)
      guard whole.count <= bytesMax, ferror(file) == 0 else { return nil }
      if count < piece.count { return whole }
    }
  }

  /// Writes a file. Returns whether all of it was written.
  public static func write(_ path: String, bytes: [UInt8]) -> Bool {
    guard let file = fopen(path, "we") else { return false }
    let count = fwrite(bytes, 1, bytes.count, file)
    return fclose(file) == 0 && count == bytes.count
  }

  /// The last bytes of a file.
  public static func tail(_ path: String, bytesMax: Int) -> String {
    guard let file = fopen(path, "re") else { return "" }
    defer { fclose(file) }
    fseek(file, 0, SEEK_END)
    fseek(file, max(0, ftell(file) - bytesMax), SEEK_SET)
    var bytes = [UInt8](repeating: 0, count: bytesMax)
    let count = fread(&bytes, 1, bytesMax, file)
    return String(decoding: bytes.prefix(count), as: UTF8.self)
  }

  /// Writes a small file, readable by its owner only unless `mode` says otherwise.
  public static func write(_ path: String, _ text: String, mode: UInt32 = 0o600) throws(StackError) {
    let fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
    guard fd >= 0 else { throw StackError("cannot write \(path): \(String(cString: strerror(errno)))") }
    defer { close(fd) }
    let bytes = Array(text.utf8)
    guard Glibc.write(fd, bytes, bytes.count) == bytes.count else { throw StackError("cannot write \(path)") }
  }

  /// Makes a folder and its parents.
  public static func makeFolder(_ path: String, mode: UInt32 = 0o755) throws(StackError) {
    var built = path.hasPrefix("/") ? "" : "."
    for part in path.split(separator: "/") {
      built += "/\(part)"
      guard mkdir(built, mode) == 0 || errno == EEXIST else {
        throw StackError("cannot make the folder \(built): \(String(cString: strerror(errno)))")
      }
    }
  }

  /// Removes a file; it need not be there.
  static func removeFile(_ path: String) { unlink(path) }

  /// Removes a folder with all that is in it. Only for folders that the stack made itself.
  public static func removeFolder(_ path: String) {
    _ = try? ChildProcess.run(ProcessSpecification("/bin/rm", ["-rf", "--one-file-system", path], folder: "/"))
  }

  /// The absolute form of a path, without `.` and needless slashes: names are derived from it, so each folder has one.
  public static func absolute(_ path: String) -> String {
    let parts = joined(path).split(separator: "/").filter { $0 != "." }
    return "/" + parts.joined(separator: "/")
  }

  private static func joined(_ path: String) -> String {
    if path.hasPrefix("/") { return path }
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    guard getcwd(&buffer, buffer.count) != nil else { return path }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self) + "/" + path
  }

  /// Finds a program in the usual places.
  public static func findProgram(_ name: String, folders: [String] = []) -> String? {
    let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
    for folder in folders + path.split(separator: ":").map(String.init) {
      let candidate = "\(folder)/\(name)"
      if access(candidate, X_OK) == 0 { return candidate }
    }
    return nil
  }

  /// Whether users other than the owner can pass through all folders of a path.
  static func isReachableByOthers(_ path: String) -> Bool {
    var built = ""
    for part in path.split(separator: "/") {
      built += "/\(part)"
      var info = stat()
      guard stat(built, &info) == 0 else { return true }
      if info.st_mode & 0o001 == 0 { return false }
    }
    return true
  }

  /// Eight hexadecimal digits that stand for a path (FNV-1a): short folder names for sockets.
  static func shortName(of path: String) -> String {
    var hash: UInt32 = 0x811C_9DC5
    for byte in path.utf8 { hash = (hash ^ UInt32(byte)) &* 0x0100_0193 }
    let digits = String(hash, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }
}

/// A lock on a data folder, kept until the process ends.
public final class StackLock: Sendable {
  private let descriptor: Int32

  /// Takes the lock. A lock that a dead process left behind does not count. Throws a sentence with the holder's id.
  public init(folder: String) throws(StackError) {
    let path = folder + "/lock"
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw StackError("cannot open \(path): \(String(cString: strerror(errno)))") }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let holder = FileAccess.read(path)?.split(separator: "\n").first.map(String.init) ?? "unknown"
      close(descriptor)
      throw StackError(
        "the data folder \(folder) is in use by process \(holder); stop it, or choose another folder with --data")
    }
    ftruncate(descriptor, 0)
    let text = Array("\(getpid())\n".utf8)
    _ = Glibc.write(descriptor, text, text.count)
  }

  deinit { close(descriptor) }
}
