internal import CLinux
internal import Glibc

/// Files without a name that processes still use: opened, mapped, or sent to each other. No folder shows them, and
/// they take their space until the last of these is gone.
package struct NamelessFiles: Sendable {
  private struct File: Hashable {
    let device: UInt64
    let inode: UInt64
  }

  /// Files in use in ways that do not show their size; each can have the size of the largest.
  private static let hiddenMax = 16

  /// What the files take, in bytes.
  package private(set) var bytes: Int64 = 0
  /// Descriptors that were sent and not received yet.
  package private(set) var queued = 0
  private var hidden = 0
  private var seen: Set<File> = []

  /// Those of processes, by their numbers as texts. Reads files of the kernel.
  package init(of processes: [String]) {
    for process in processes {
      addOpened(process)
      addMapped(process)
    }
  }

  /// Whether they are more than a program may have in files.
  package func exceed(_ bytesMax: Int) -> Bool {
    bytes > Int64(bytesMax) || hidden + queued > NamelessFiles.hiddenMax
  }

  private mutating func addOpened(_ process: String) {
    ProcessTable.forEach(in: "/proc/\(process)/fd") { name in
      var status = stat()
      guard stat("/proc/\(process)/fd/\(name)", &status) == 0 else { return }
      switch status.st_mode & S_IFMT {
      case S_IFREG: add(status)
      case S_IFSOCK:
        // A socket among them may hold more, of which nothing is seen.
        for line in ProcessTable.read("/proc/\(process)/fdinfo/\(name)").split(separator: "\n")
        where line.hasPrefix("scm_fds:") {
          queued += max(0, Int(line.dropFirst(8).filter { $0 != " " && $0 != "\t" }) ?? 0)
        }
      default: return
      }
    }
  }

  /// Whoever is not root learns the size of a mapped file from no folder of the kernel.
  private mutating func addMapped(_ process: String) {
    guard let maps = fopen("/proc/\(process)/maps", "re") else { return }
    defer { fclose(maps) }
    var line = [CChar](repeating: 0, count: 8192)
    while fgets(&line, Int32(line.count), maps) != nil {
      let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      guard text.hasSuffix(" (deleted)\n") else { continue }
      let fields = text.split(separator: " ", maxSplits: 5)
      guard fields.count == 6, let inode = UInt64(fields[4]) else { continue }
      var status = stat()
      if stat("/proc/\(process)/map_files/\(fields[0])", &status) == 0 {
        add(status)
      } else if !seen.contains(where: { $0.inode == inode }) {
        seen.insert(File(device: 0, inode: inode))
        hidden += 1
      }
    }
  }

  private mutating func add(_ status: stat) {
    guard status.st_nlink == 0, status.st_mode & S_IFMT == S_IFREG else { return }
    guard seen.insert(File(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))).inserted else { return }
    bytes += min(max(0, Int64(status.st_blocks)), Int64(1) << 40) * 512
  }
}
