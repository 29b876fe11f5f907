internal import Glibc

/// The spool of a process that is gone. It stays locked until `remove`.
struct OrphanedSpool: Sendable {
  private static let chunkBytes = 1 << 20

  let contents: SpoolContents
  /// Whether the rows have the form before this one, with fewer columns.
  let isEarlierForm: Bool
  private let path: String
  private let descriptor: Int32

  /// The files in a folder that no process holds a lock on.
  static func all(folder: String) -> [OrphanedSpool] {
    guard let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var orphans: [OrphanedSpool] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      guard let isEarlierForm = LedgerSpool.isEarlierForm(file: name) else { continue }
      let path = "\(folder)/\(name)"
      let descriptor = open(path, O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else { continue }
      guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
        Glibc.close(descriptor)
        continue
      }
      orphans.append(
        OrphanedSpool(
          contents: SpoolContents(bytes(of: descriptor)), isEarlierForm: isEarlierForm, path: path,
          descriptor: descriptor))
    }
    return orphans
  }

  private static func bytes(of descriptor: Int32) -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: chunkBytes)
    while true {
      let count = read(descriptor, &chunk, chunk.count)
      guard count > 0 else { break }
      bytes += chunk[..<count]
    }
    return bytes
  }

  /// Its calls are in the table.
  func remove() {
    unlink(path)
    Glibc.close(descriptor)
  }
}
