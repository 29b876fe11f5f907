internal import Glibc
internal import Primitives
internal import Synchronization
internal import SystemSources

/// A file in which calls stand from their begin until they are in the table, so that the end of the process loses none.
/// Each process has a file of its own and holds a lock on it; files without a lock are of processes that died.
///
/// The file is mapped into memory, so a note costs no system call. What is written there survives the process, and a
/// power cut costs at most the last moments. Its blocks are reserved beforehand: a full disk is met when the file is
/// made, not when a call is noted.
///
/// The first line is the time at which the process was last alive, in microseconds since 1970; the others are calls.
final class LedgerSpool: Sendable {
  private static let fileBytes = 8 << 20
  /// Room for this share of the file has to be left after a rotation, else the file grows.
  private static let roomDivisor = 2
  /// The ends of names: of this form, and of the form before it, whose rows have fewer columns and no first line.
  private static let suffix = ".spool2"
  private static let earlierSuffix = ".spool"
  /// Digits of the first line.
  private static let timeDigits = 20

  /// Why there is no spool.
  struct Fault: Error, CustomStringConvertible {
    let description: String
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
  init(folder: String, name: String) throws(Fault) {
    self.folder = folder
    let path = "\(folder)/\(name)\(LedgerSpool.suffix)"
    let file = try MappedFile(path, size: LedgerSpool.fileBytes)
    let head = LedgerSpool.head(WallClock.now())
    file.write(head, at: 0)
    state = Mutex(State(file: file, path: path, bytes: head.count))
  }

  private static func head(_ time: Timestamp) -> [UInt8] {
    let digits = String(max(0, time.unixMicroseconds))
    return Array(repeating: UInt8(ascii: "0"), count: timeDigits - digits.utf8.count) + Array(digits.utf8) + [10]
  }

  /// Notes that the process is alive. What calls of a process that died have used is bounded by this time.
  func beat() {
    let head = LedgerSpool.head(WallClock.now())
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

  /// Notes the state of a call. Throws when it cannot be written: then the call must not be made.
  func note(_ id: UUID, _ row: [UInt8]) throws(Fault) {
    var line = row
    line.append(10)
    try state.withLock { state throws(Fault) in
      guard !state.isClosed else { throw Fault(description: "the ledger's spool is closed") }
      if state.bytes + line.count > state.file.size { try LedgerSpool.rotate(&state, room: line.count) }
      state.file.write(line, at: state.bytes)
      state.bytes += line.count
      state.lines[id] = line
    }
  }

  /// These calls are in the table.
  func forget(_ ids: [UUID]) {
    state.withLock { state in for id in ids { state.lines[id] = nil } }
  }

  /// Begins a new file with what still matters, a larger one when that is much.
  private static func rotate(_ state: inout State, room: Int) throws(Fault) {
    let path = state.path + ".new"
    unlink(path)
    var rest = head(WallClock.now())
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
  func close() {
    state.withLock { state in
      guard !state.isClosed else { return }
      state.isClosed = true
      if state.lines.isEmpty { unlink(state.path) }
      state.file.close()
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
      let base = name.hasSuffix(".new") ? String(name.dropLast(4)) : name
      guard base.hasSuffix(suffix) || base.hasSuffix(earlierSuffix) else { continue }
      let path = "\(folder)/\(name)"
      let descriptor = open(path, O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else { continue }
      guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
        Glibc.close(descriptor)
        continue
      }
      let bytes = contents(of: descriptor)
      let isEarlier = !base.hasSuffix(suffix)
      orphans.append(
        Orphan(
          path: path, descriptor: descriptor, lines: lines(of: bytes), isEarlierForm: isEarlier,
          aliveAt: isEarlier ? nil : time(bytes)))
    }
    return orphans
  }

  private static func contents(of descriptor: Int32) -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      let count = read(descriptor, &chunk, chunk.count)
      guard count > 0 else { break }
      bytes += chunk[..<count]
    }
    return bytes
  }

  private static func time(_ bytes: [UInt8]) -> Timestamp? {
    Int64(String(decoding: bytes.prefix(timeDigits), as: UTF8.self)).map { Timestamp(unixMicroseconds: $0) }
  }

  /// The last whole line of each call; a line that was cut by the end of the process is left out.
  private static func lines(of bytes: [UInt8]) -> [[UInt8]] {
    var last: [UUID: [UInt8]] = [:]
    // What was never written is zero.
    for line in bytes.split(separator: 10) where line.first != 0 {
      guard line.first == UInt8(ascii: "("), line.last == UInt8(ascii: ")"), let id = uuid(in: line, at: 0) else {
        continue
      }
      last[id] = Array(line)
    }
    return Array(last.values)
  }

  /// The tenant of a line.
  static func tenant(of line: [UInt8]) -> UUID? { uuid(in: line[...], at: 1) }

  /// A line begins with the id of the call and that of its tenant, each of 36 characters and one before it.
  private static func uuid(in line: ArraySlice<UInt8>, at index: Int) -> UUID? {
    let start = line.startIndex + 1 + index * 37
    guard start + 36 <= line.endIndex else { return nil }
    return UUID(ascii: line[start..<(start + 36)])
  }

  /// The file of a process that is gone.
  struct Orphan: Sendable {
    let path: String
    let descriptor: Int32
    let lines: [[UInt8]]
    /// Whether the rows are those of `call_entry`.
    let isEarlierForm: Bool
    /// When the process was last known to be alive.
    let aliveAt: Timestamp?

    func remove() {
      unlink(path)
      Glibc.close(descriptor)
    }
  }
}
