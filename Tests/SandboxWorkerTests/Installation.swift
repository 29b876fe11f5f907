import Glibc
import SandboxWorker

/// Where the programs and the engine are.
enum Installation {
  /// The programs lie beside the test bundle.
  static let programs: String = {
    let own = CommandLine.arguments.first { $0.contains(".xctest") } ?? link("/proc/self/exe") ?? ""
    let folder = String(own[..<(own.lastIndex(of: "/") ?? own.startIndex)])
    return real(folder) ?? folder
  }()

  static var jail: String { programs + "/sandbox-jail" }
  static var worker: String { programs + "/sandbox-worker" }
  static var probe: String { programs + "/sandbox-probe" }

  /// The root of the repository.
  static let root: String = {
    var path = Substring(real(#filePath) ?? #filePath)
    for _ in 0..<3 { path = path[..<(path.lastIndex(of: "/") ?? path.startIndex)] }
    return String(path)
  }()

  /// What `deploy/sandbox/build` makes. Without it the tests of the engine are skipped.
  static var engine: String { root + "/.build/sandbox" }
  static let hasEngine = access(engine + "/manifest.json", R_OK) == 0
  static let hasJavaScript = access(engine + "/aot/javascript.cwasm", R_OK) == 0
  static let hasGuests = access(engine + "/guests/probe.wasm", R_OK) == 0
  static let hasPython = access("/usr/bin/python3", X_OK) == 0

  /// Folders that the worker reads: its own, the engine's, and the one of Swift's libraries.
  static var readable: [String] {
    var folders = [programs, engine]
    if let maps = fopen("/proc/self/maps", "r") {
      defer { fclose(maps) }
      var line = [CChar](repeating: 0, count: 8192)
      while fgets(&line, 8192, maps) != nil {
        let text = String(decoding: line.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard let start = text.firstIndex(of: "/"), text.hasSuffix("/libswiftCore.so") else { continue }
        folders.append(String(text[start...].dropLast("/libswiftCore.so".count)))
        break
      }
    }
    return folders
  }

  /// A user of its own for each program, as the supervisor has slots, where the tests may change users and others may
  /// read the folder of the programs; otherwise that of the tests.
  static let users: [uid_t?] = {
    guard geteuid() == 0, [programs, engine].allSatisfy(isOpen) else { return [nil] }
    return [nil, 300_000 + uid_t(clamping: getpid() % 100_000)]
  }()

  static var user: uid_t? { users.last ?? nil }

  private static func isOpen(_ path: String) -> Bool {
    var parts: [Substring] = []
    for part in path.split(separator: "/") {
      parts.append(part)
      var status = stat()
      let folder = "/" + parts.joined(separator: "/")
      if stat(folder, &status) == 0, status.st_mode & 0o001 == 0 { return false }
    }
    return true
  }

  private static func real(_ path: String) -> String? {
    guard let found = realpath(path, nil) else { return nil }
    defer { free(found) }
    return String(cString: found)
  }

  private static func link(_ path: String) -> String? {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = readlink(path, &buffer, 4095)
    return count > 0 ? String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self) : nil
  }
}
