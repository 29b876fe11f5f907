internal import Glibc
internal import JSON
internal import Synchronization

/// A file in which calls stand from their begin until they are in the table, so that the end of the process loses none.
/// Each process has a file of its own and holds a lock on it; files without a lock are of processes that died.
///
/// Writes go to the page cache: they survive the process, and a power cut costs at most the last moments.
final class LedgerSpool: Sendable {
  private static let rotationBytes = 8 << 20

  /// Why there is no spool.
  struct Fault: Error, CustomStringConvertible {
    let description: String
  }

  private struct State: ~Copyable {
    var descriptor: Int32
    var path: String
    var bytes = 0
    /// The lines of calls that are not in the table yet, by their ids.
    var lines: [String: [UInt8]] = [:]
  }

  private let folder: String
  private let state: Mutex<State>

  /// Makes the file of this process in `folder`.
  init(folder: String, name: String) throws(Fault) {
    self.folder = folder
    let path = "\(folder)/\(name).spool"
    state = Mutex(State(descriptor: try LedgerSpool.create(path), path: path))
  }

  private static func create(_ path: String) throws(Fault) -> Int32 {
    let descriptor = open(path, O_CREAT | O_EXCL | O_WRONLY | O_APPEND | O_CLOEXEC, 0o600)
    guard descriptor >= 0, flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      throw Fault(description: "the ledger's spool \(path) cannot be made: \(String(cString: strerror(errno)))")
    }
    return descriptor
  }

  /// Notes the state of a call. Throws when it cannot be written: then the call must not be made.
  func note(_ id: String, _ json: [UInt8]) throws(Fault) {
    let line = json + [10]
    let failure: Int32? = state.withLock { state in
      let written = line.withUnsafeBytes { write(state.descriptor, $0.baseAddress, $0.count) }
      guard written == line.count else { return errno }
      state.bytes += line.count
      state.lines[id] = line
      if state.bytes > LedgerSpool.rotationBytes { LedgerSpool.rotate(&state) }
      return nil
    }
    if let failure {
      throw Fault(description: "the ledger's spool cannot be written: \(String(cString: strerror(failure)))")
    }
  }

  /// These calls are in the table.
  func forget(_ ids: [String]) {
    state.withLock { state in for id in ids { state.lines[id] = nil } }
  }

  /// Begins the file anew with what still matters. On failure the old one goes on.
  private static func rotate(_ state: inout State) {
    let path = state.path + ".new"
    unlink(path)
    guard let descriptor = try? create(path) else { return }
    var rest: [UInt8] = []
    for line in state.lines.values { rest += line }
    let written = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    guard written == rest.count, rename(path, state.path) == 0 else {
      Glibc.close(descriptor)
      unlink(path)
      return
    }
    Glibc.close(state.descriptor)
    state.descriptor = descriptor
    state.bytes = rest.count
  }

  /// Removes the file when nothing is left in it.
  func close() {
    state.withLock { state in
      if state.lines.isEmpty { unlink(state.path) }
      Glibc.close(state.descriptor)
      state.descriptor = -1
    }
  }

  // MARK: What others left

  /// Files of processes that are gone, with the last state of each of their calls. They stay locked until `remove`.
  static func orphans(folder: String) -> [Orphan] {
    guard let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var orphans: [Orphan] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      guard name.hasSuffix(".spool") || name.hasSuffix(".spool.new") else { continue }
      let path = "\(folder)/\(name)"
      let descriptor = open(path, O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else { continue }
      guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
        Glibc.close(descriptor)
        continue
      }
      orphans.append(Orphan(path: path, descriptor: descriptor, lines: lines(of: descriptor)))
    }
    return orphans
  }

  /// The last whole line of each call; a line that was cut by the end of the process is left out.
  private static func lines(of descriptor: Int32) -> [[UInt8]] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      let count = read(descriptor, &chunk, chunk.count)
      guard count > 0 else { break }
      bytes += chunk[..<count]
    }
    var last: [String: [UInt8]] = [:]
    for line in bytes.split(separator: 10) {
      guard let root = try? JSONDocument(parsing: Array(line)).root, let id = root["id"]?.string else { continue }
      last[id] = Array(line)
    }
    return Array(last.values)
  }

  /// The file of a process that is gone.
  struct Orphan: Sendable {
    let path: String
    let descriptor: Int32
    let lines: [[UInt8]]

    func remove() {
      unlink(path)
      Glibc.close(descriptor)
    }
  }
}
