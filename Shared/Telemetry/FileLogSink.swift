internal import Dispatch
internal import Glibc
internal import Primitives
internal import Synchronization

/// Writes lines to a file descriptor on a queue of its own, from a bounded buffer.
public final class FileLogSink: LogSink {
  private struct State {
    var lines: [String] = []
    var dropped = 0
  }

  private static let linesMax = 8192
  private let state = Mutex(State())
  /// Locked while lines are written, so that those of two threads keep their order.
  private let turn = Mutex(())
  private let writing = DispatchQueue(label: "log")
  private let descriptor: Int32

  /// Starts writing to `descriptor`, which is not closed.
  public init(descriptor: Int32) {
    self.descriptor = descriptor
  }

  /// Queues a line, or counts it as dropped when the queue is full.
  public func write(_ line: String) {
    let isFirst = state.withLock { state in
      if state.lines.count < FileLogSink.linesMax { state.lines.append(line) } else { state.dropped += 1 }
      return state.lines.count == 1
    }
    if isFirst { writing.async { [self] in _ = drain() } }
  }

  /// Writes what is queued, on the calling thread; for the end of the process.
  public func flush() { while drain() {} }

  private func drain() -> Bool { turn.withLock { _ in drainInTurn() } }

  private func drainInTurn() -> Bool {
    let (lines, dropped) = state.withLock { state in
      let taken = (state.lines, state.dropped)
      state = State()
      return taken
    }
    if lines.isEmpty, dropped == 0 { return false }
    var text = lines.joined(separator: "\n")
    if !lines.isEmpty { text += "\n" }
    if dropped > 0 { text += "{\"level\":\"warning\",\"message\":\"log lines dropped\",\"count\":\(dropped)}\n" }
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count > 0 { bytes = bytes.dropFirst(count) } else if errno != EINTR { return true }
    }
    return true
  }
}

/// Keeps lines in memory, for tests.
public final class MemoryLogSink: LogSink {
  private let kept = Mutex<[String]>([])

  /// Makes an empty sink.
  public init() {}

  /// Keeps a line.
  public func write(_ line: String) { kept.withLock { $0.append(line) } }

  /// The lines so far.
  public var lines: [String] { kept.withLock { $0 } }
}
