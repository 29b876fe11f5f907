internal import Glibc

/// A file of a bundle and what shows that it has changed.
struct PolicyFile: Hashable, Sendable {
  /// From the folder on.
  let name: String
  let bytes: Int
  let inode: UInt64
  let seconds: Int
  let nanoseconds: Int
}

/// Lists the files of a bundle. Blocks; for a thread of its own.
enum PolicyFolder {
  private static let parentsMax = 5

  /// The policies that are shipped with this program: `policies` beside it or in one of the folders above it.
  static func shipped() -> String {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
    let program = String(decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    var parents = program.split(separator: "/").dropLast()
    for _ in 0...parentsMax {
      let folder = "/" + (parents + ["policies"]).joined(separator: "/")
      if access(folder + "/data/routes.json", R_OK) == 0 { return folder }
      guard !parents.isEmpty else { break }
      parents.removeLast()
    }
    return "policies"
  }

  /// In order of their names.
  static func list(_ folder: String, _ limits: PolicyBundleLimits) throws(PolicyBundleError) -> [PolicyFile] {
    var files: [PolicyFile] = []
    var seen = 0
    var bytes = 0
    // Breadth first; a name and how deep it stands.
    var waiting: [(name: String, depth: Int)] = [("", 0)]
    while let next = waiting.popLast() {
      for entry in try names(folder + "/" + next.name, next.name) {
        seen += 1
        guard seen <= limits.filesMax else {
          throw PolicyBundleError("the folder \(folder) has more than \(limits.filesMax) files")
        }
        // Hidden ones are not ours: links of mounted volumes, files of editors.
        guard !entry.hasPrefix(".") else { continue }
        let name = next.name.isEmpty ? entry : next.name + "/" + entry
        var status = stat()
        guard stat(folder + "/" + name, &status) == 0 else { continue }
        if status.st_mode & S_IFMT == S_IFDIR {
          guard next.depth < limits.depthMax else {
            throw PolicyBundleError(file: name, "folders stand more than \(limits.depthMax) deep in each other")
          }
          waiting.append((name, next.depth + 1))
          continue
        }
        guard status.st_mode & S_IFMT == S_IFREG, isPart(name) else { continue }
        bytes += Int(clamping: status.st_size)
        guard bytes <= limits.bytesMax else {
          throw PolicyBundleError("the files of \(folder) have more than \(limits.bytesMax) bytes")
        }
        files.append(
          PolicyFile(
            name: name, bytes: Int(clamping: status.st_size), inode: UInt64(status.st_ino),
            seconds: status.st_mtim.tv_sec, nanoseconds: status.st_mtim.tv_nsec))
      }
    }
    return files.sorted { $0.name < $1.name }
  }

  /// Whether a file belongs to the bundle.
  static func isPart(_ name: String) -> Bool {
    if name.hasSuffix(".rego") { return !name.hasSuffix("_test.rego") }
    guard name.hasPrefix("data/") else { return false }
    return name.hasSuffix(".json") || name.hasSuffix(".yaml") || name.hasSuffix(".yml")
  }

  private static func names(_ path: String, _ name: String) throws(PolicyBundleError) -> [String] {
    guard let folder = opendir(path) else {
      let reason = strerror(errno).map { String(cString: $0) } ?? "error \(errno)"
      throw PolicyBundleError(file: name, "the folder \(path) cannot be read: \(reason)")
    }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
      if names.count > 100_000 { throw PolicyBundleError(file: name, "the folder has more than 100000 entries") }
    }
    return names
  }
}
