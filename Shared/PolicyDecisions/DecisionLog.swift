internal import Dispatch
internal import Glibc
internal import Primitives
internal import Synchronization
internal import SystemSources
internal import Telemetry

/// Takes lines of the decision log, on a thread of its own. May block.
public protocol DecisionLogSink: AnyObject, Sendable {
  /// Takes lines, each with its line feed.
  func write(_ lines: [UInt8])
}

/// Writes decisions as lines of JSON, in the schema of OPA's decision logs. Callers never wait: lines are made and
/// written by a queue of its own, and what is more than that can hold is counted as dropped.
public final class DecisionLog: Sendable {
  private struct State {
    var records: [DecisionRecord] = []
    var dropped = 0
    var report: (@Sendable (Int) -> Void)?
  }

  /// Decisions that wait to be written.
  public static let waitingMax = 8192

  private let state = Mutex(State())
  private let turn = Mutex(())
  private let writing = DispatchQueue(label: "decision log")
  private let sink: any DecisionLogSink
  private let mask: DecisionMask
  private let labels: [(String, String)]
  private let allowedPercent: Int

  /// Makes a log. Of decisions that allow, so many of a hundred are written; of others, all. `labels` name the process.
  public init(
    _ sink: any DecisionLogSink, mask: DecisionMask, labels: [(String, String)], allowedPercent: Int = 100
  ) {
    self.sink = sink
    self.mask = mask
    self.labels = labels
    self.allowedPercent = allowedPercent
  }

  /// Calls `report` with the number of lines that were lost.
  func countDrops(_ report: @escaping @Sendable (Int) -> Void) { state.withLock { $0.report = report } }

  /// Queues a decision.
  func write(_ record: DecisionRecord) {
    if allowedPercent < 100, record.answer.decided == .allow, record.answer.fault == nil {
      var random = SystemRandom.shared
      guard random.next() % 100 < UInt64(max(0, allowedPercent)) else { return }
    }
    let (isFirst, report) = state.withLock { state in
      guard state.records.count < DecisionLog.waitingMax else {
        state.dropped += 1
        return (false, state.report)
      }
      state.records.append(record)
      return (state.records.count == 1, nil)
    }
    report?(1)
    if isFirst { writing.async { [self] in _ = drain() } }
  }

  /// Writes what is queued, on the calling thread.
  public func flush() { while drain() {} }

  /// Decisions that were lost.
  public var dropped: Int { state.withLock { $0.dropped } }

  private func drain() -> Bool {
    turn.withLock { _ in
      let records = state.withLock { state in
        let records = state.records
        state.records = []
        return records
      }
      guard !records.isEmpty else { return false }
      var bytes: [UInt8] = []
      for record in records {
        bytes += record.line(mask, labels: labels)
        bytes.append(UInt8(ascii: "\n"))
        if bytes.count > 1 << 20 {
          sink.write(bytes)
          bytes.removeAll(keepingCapacity: true)
        }
      }
      if !bytes.isEmpty { sink.write(bytes) }
      return true
    }
  }
}

/// Appends to a file that only its owner reads, and begins a new one when it is full: `decisions.log`, before it
/// `decisions.log.1`, and so on.
public final class RotatingFile: DecisionLogSink {
  private struct State {
    var descriptor: Int32 = -1
    var bytes = 0
  }

  private let path: String
  private let bytesMax: Int
  private let filesMax: Int
  private let state = Mutex(State())

  /// Writes to `path`, at most about `bytesMax` bytes, and keeps `filesMax` older files.
  public init(_ path: String, bytesMax: Int = 64 << 20, filesMax: Int = 4) {
    self.path = path
    self.bytesMax = bytesMax
    self.filesMax = max(1, filesMax)
  }

  deinit {
    let descriptor = state.withLock { $0.descriptor }
    if descriptor >= 0 { close(descriptor) }
  }

  /// Opens the file; `false` when it cannot be written. For the start, so that a wrong path is seen then.
  public func open() -> Bool { state.withLock { prepare(&$0) } }

  /// Appends lines. What cannot be written is lost.
  public func write(_ lines: [UInt8]) {
    state.withLock { state in
      if state.descriptor >= 0, state.bytes > 0, state.bytes + lines.count > bytesMax { rotate(&state) }
      guard prepare(&state) else { return }
      var rest = lines[...]
      while !rest.isEmpty {
        let count = rest.withUnsafeBytes { Glibc.write(state.descriptor, $0.baseAddress, $0.count) }
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return }
        state.bytes += count
        rest = rest.dropFirst(count)
      }
    }
  }

  private func prepare(_ state: inout State) -> Bool {
    if state.descriptor >= 0 { return true }
    state.descriptor = Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard state.descriptor >= 0 else { return false }
    var status = stat()
    state.bytes = fstat(state.descriptor, &status) == 0 ? Int(clamping: status.st_size) : 0
    return true
  }

  private func rotate(_ state: inout State) {
    close(state.descriptor)
    state.descriptor = -1
    for number in stride(from: filesMax - 1, through: 1, by: -1) {
      rename("\(path).\(number)", "\(path).\(number + 1)")
    }
    rename(path, "\(path).1")
  }
}

/// Writes the lines into the log of the process.
public final class LoggedDecisions: DecisionLogSink {
  private let descriptor: Int32

  /// Writes to a descriptor, which is not closed.
  public init(descriptor: Int32 = 1) { self.descriptor = descriptor }

  /// Writes lines. What cannot be written is lost.
  public func write(_ lines: [UInt8]) {
    var rest = lines[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }
}

/// Keeps lines in memory, for tests.
public final class MemoryDecisions: DecisionLogSink {
  private let kept = Mutex<[UInt8]>([])

  /// Makes an empty sink.
  public init() {}

  /// Keeps lines.
  public func write(_ lines: [UInt8]) { kept.withLock { $0 += lines } }

  /// The lines so far.
  public var lines: [String] {
    kept.withLock { $0.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) } }
  }
}
