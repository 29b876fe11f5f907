internal import Glibc
internal import Primitives
internal import Synchronization
internal import SystemSources

/// A file in which calls stand from their begin until they are in the table, so that the end of the process loses none.
/// Each process has a file of its own and holds a lock on it; files without a lock are of processes that died.
///
/// The file is mapped into memory, so a record costs no system call. What is written there survives the process, and a
/// power cut costs at most the last moments. Its blocks are reserved beforehand: a full disk is met when the file is
/// made, not when a call is recorded. `SpoolContents` has its text.
package final class LedgerSpool: Sendable {
  private static let fileBytes = 8 << 20
  /// Room for this share of the file has to be left after a rotation, else the file grows.
  private static let roomDivisor = 2
  /// The ends of names: of this form, and of the form before it, whose rows have fewer columns and no first line.
  private static let suffix = ".spool2"
  private static let earlierSuffix = ".spool"
  /// What stands behind the name of a file that is to replace a full one.
  private static let rotatedSuffix = ".new"

  /// Whether a file of this name is a spool of the form before; nil when it is no spool.
  static func isEarlierForm(file name: String) -> Bool? {
    let base = name.hasSuffix(rotatedSuffix) ? String(name.dropLast(rotatedSuffix.count)) : name
    if base.hasSuffix(suffix) { return false }
    return base.hasSuffix(earlierSuffix) ? true : nil
  }

  /// Why there is no spool.
  package struct Fault: Error, CustomStringConvertible {
    package let description: String
  }

  private struct State: ~Copyable {
    var file: MappedFile
    var path: String
    var bytes = 0
    /// The lines of calls that are not in the table yet, by their ids.
    var lines: [UUID: [UInt8]] = [:]
    var isClosed = false
  }

  private let folder: String
  private let state: Mutex<State>

  /// Makes the file of this process in `folder`.
  package init(folder: String, name: String) throws(Fault) {
    self.folder = folder
    let path = "\(folder)/\(name)\(LedgerSpool.suffix)"
    let file = try MappedFile(path, size: LedgerSpool.fileBytes)
    let head = SpoolContents.head(WallClock.now())
    file.write(head, at: 0)
    state = Mutex(State(file: file, path: path, bytes: head.count))
  }

  /// Records that the process is alive. What calls of a process that died have used is bounded by this time.
  func heartbeat() {
    let head = SpoolContents.head(WallClock.now())
    state.withLock { state in
      if !state.isClosed { state.file.write(head, at: 0) }
    }
  }

  /// A locked file of a fixed size in memory.
  private struct MappedFile {
    let descriptor: Int32
    let base: UnsafeMutableRawPointer
    let size: Int

    init(_ path: String, size: Int) throws(Fault) {
      let descriptor = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0o600)
      var error = errno
      if descriptor >= 0, flock(descriptor, LOCK_EX | LOCK_NB) == 0 {
        error = posix_fallocate(descriptor, 0, size)
        if error == 0, let base = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), base != MAP_FAILED
        {
          self.descriptor = descriptor
          self.base = base
          self.size = size
          return
        }
        unlink(path)
      }
      if descriptor >= 0 { Glibc.close(descriptor) }
      throw Fault(description: "the ledger's spool \(path) cannot be made: \(String(cString: strerror(error)))")
    }

    func write(_ line: [UInt8], at offset: Int) {
      line.withUnsafeBytes { bytes in
        if let source = bytes.baseAddress { (base + offset).copyMemory(from: source, byteCount: bytes.count) }
      }
    }

    func close() {
      munmap(base, size)
      Glibc.close(descriptor)
    }
  }

  /// Records the state of a call. Throws when it cannot be written: then the call must not be made.
  func record(_ id: UUID, _ row: [UInt8]) throws(Fault) {
    let line = SpoolContents.line(row)
    try state.withLock { state throws(Fault) in
      guard !state.isClosed else { throw Fault(description: "the ledger's spool is closed") }
      if state.bytes + line.count > state.file.size { try LedgerSpool.rotate(&state, room: line.count) }
      state.file.write(line, at: state.bytes)
      state.bytes += line.count
      state.lines[id] = line
    }
  }

  /// These calls are in the table.
  func remove(_ ids: [UUID]) {
    state.withLock { state in for id in ids { state.lines[id] = nil } }
  }

  /// Begins a new file with what still matters, a larger one when that is much.
  private static func rotate(_ state: inout State, room: Int) throws(Fault) {
    let path = state.path + rotatedSuffix
    unlink(path)
    var rest = SpoolContents.head(WallClock.now())
    for line in state.lines.values { rest += line }
    var size = fileBytes
    while rest.count + room > size / roomDivisor { size *= 2 }
    let file = try MappedFile(path, size: size)
    file.write(rest, at: 0)
    guard rename(path, state.path) == 0 else {
      let error = errno
      file.close()
      unlink(path)
      throw Fault(description: "the ledger's spool cannot be renewed: \(String(cString: strerror(error)))")
    }
    state.file.close()
    state.file = file
    state.bytes = rest.count
  }

  /// Removes the file when nothing is left in it.
  package func close() {
    state.withLock { state in
      guard !state.isClosed else { return }
      state.isClosed = true
      if state.lines.isEmpty { unlink(state.path) }
      state.file.close()
    }
  }
}
