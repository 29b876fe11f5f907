internal import Glibc
internal import Primitives
internal import Synchronization
internal import SystemSources

/// What runs on this machine, as the kernel lists it. The functions read files of the kernel.
package enum ProcessTable {
  /// What the processes of a group use together.
  package struct Usage: Hashable, Sendable {
    /// Processes and threads.
    package var tasks = 0
    /// Resident memory that is no file's, in bytes.
    package var privateBytes: UInt64 = 0
  }

  /// The processes of each group, and when they were listed, in nanoseconds of the monotonic clock.
  private struct Listing {
    var groups: [Int32: [(process: String, threads: Int)]] = [:]
    var at: UInt64 = 0
  }

  private static let listing = Mutex(Listing())

  /// What a process group uses, of processes that were listed within a time: so many groups that are looked at are one
  /// walk through the table.
  package static func usage(ofGroup group: Int32, within age: Duration = .zero) -> Usage {
    var usage = Usage()
    let pageBytes = UInt64(clamping: sysconf(Int32(_SC_PAGESIZE)))
    for (name, threads) in processes(ofGroup: group, within: age) {
      usage.tasks += threads
      let pages = read("/proc/\(name)/statm").split(separator: " ").compactMap { UInt64($0) }
      guard pages.count > 2, pages[1] > pages[2] else { continue }
      usage.privateBytes = usage.privateBytes &+ (pages[1] - pages[2]) &* pageBytes
    }
    return usage
  }

  /// Files without a name that the processes of a group use.
  package static func namelessFiles(ofGroup group: Int32, within age: Duration = .zero) -> NamelessFiles {
    NamelessFiles(of: processes(ofGroup: group, within: age).map(\.process))
  }

  private static func processes(
    ofGroup group: Int32, within age: Duration
  ) -> [(process: String, threads: Int)] {
    let now = MonotonicClock.now()
    return listing.withLock { listing in
      if listing.at == 0 || now &- min(now, listing.at) > UInt64(clamping: age.nanoseconds) {
        listing.groups = [:]
        forEach { name in
          guard let entry = stat(name) else { return }
          listing.groups[entry.group, default: []].append((name, entry.threads))
        }
        listing.at = MonotonicClock.now()
      }
      return listing.groups[group] ?? []
    }
  }

  /// Whether a process has ended, reaped or not.
  package static func isOver(_ process: Int32) -> Bool { stat("\(process)") == nil }

  /// Calls `body` with each name in a folder that is a number.
  static func forEach(in path: String = "/proc", _ body: (String) -> Void) {
    guard let folder = opendir(path) else { return }
    defer { closedir(folder) }
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if Int32(name) != nil { body(name) }
    }
  }

  /// The process group and the number of threads of a process that has not ended.
  private static func stat(_ name: String) -> (group: Int32, threads: Int)? {
    let text = read("/proc/\(name)/stat")
    // The name of the program comes first and may hold anything.
    guard let end = text.lastIndex(of: ")") else { return nil }
    let fields = text[text.index(after: end)...].split(separator: " ")
    guard fields.count > 17, fields[0] != "Z", fields[0] != "X", let group = Int32(fields[2]),
      let threads = Int(fields[17])
    else { return nil }
    return (group, max(0, threads))
  }

  /// The beginning of a file of the kernel; empty when it cannot be read.
  static func read(_ path: String) -> String {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return "" }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 1024)
    let count = Glibc.read(file, &bytes, bytes.count)
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
  }
}
