internal import Glibc

/// The memory of this process, and how much it may have.
enum ProcessMemory {
  private static let pageBytes = UInt64(clamping: sysconf(Int32(_SC_PAGESIZE)))

  /// Bytes in RAM; 0 when the kernel does not say.
  static func residentBytes() -> UInt64 {
    let fields = line(of: "/proc/self/statm").split(separator: " ")
    guard fields.count > 1, let pages = UInt64(fields[1]) else { return 0 }
    return pages.multipliedReportingOverflow(by: pageBytes).partialValue
  }

  /// The limit of the control group, version 2 or 1; 0 for none.
  static func groupLimitBytes() -> UInt64 {
    for path in ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"] {
      // "No limit" is a word in version 2, and a number beyond any memory in version 1.
      if let bytes = UInt64(line(of: path)), bytes < 1 << 50 { return bytes }
    }
    return 0
  }

  private static func line(of path: String) -> String {
    guard let file = fopen(path, "re") else { return "" }
    defer { fclose(file) }
    var buffer = [CChar](repeating: 0, count: 128)
    guard fgets(&buffer, 128, file) != nil else { return "" }
    return String(decoding: buffer.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
