internal import Glibc

/// What the threads of a worker do, as the kernel lists it.
package enum WorkerThreads {
  /// Threads that are looked at; a worker has a handful.
  private static let countMax = 64

  /// Whether every thread of the process sleeps: none runs, or would run if it had a processor. `false` where that
  /// cannot be seen. Reads files of the kernel, which do not wait.
  package static func areAsleep(of process: Int32) -> Bool {
    guard let folder = opendir("/proc/\(process)/task") else { return false }
    defer { closedir(folder) }
    var count = 0
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      guard Int32(name) != nil else { continue }
      count += 1
      guard count <= countMax, state(of: "/proc/\(process)/task/\(name)/stat") == UInt8(ascii: "S") else {
        return false
      }
    }
    return count > 0
  }

  /// The letter of a thread's state.
  private static func state(of path: String) -> UInt8? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 256)
    let count = max(0, Glibc.read(file, &bytes, bytes.count))
    // The name of the program comes first and may hold anything.
    guard let end = bytes[..<count].lastIndex(of: UInt8(ascii: ")")), end + 2 < count else { return nil }
    return bytes[end + 2]
  }
}
