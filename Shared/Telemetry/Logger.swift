internal import Glibc
internal import Primitives
internal import Synchronization

/// How much a line matters.
public enum LogLevel: Int, Sendable, Comparable, CaseIterable {
  /// For developers.
  case debug
  /// What happens normally.
  case info
  /// Something to look at.
  case warning
  /// Something failed.
  case error

  /// The name in the line.
  public var name: String {
    switch self {
    case .debug: "debug"
    case .info: "info"
    case .warning: "warning"
    case .error: "error"
    }
  }

  /// The level of a name.
  public init?(name: String) {
    guard let level = LogLevel.allCases.first(where: { $0.name == name }) else { return nil }
    self = level
  }

  /// By weight.
  public static func < (left: LogLevel, right: LogLevel) -> Bool { left.rawValue < right.rawValue }
}

/// Takes finished lines; must not block.
public protocol LogSink: AnyObject, Sendable {
  /// Takes a line without its line feed.
  func write(_ line: String)
}

/// Writes structured lines: one JSON object each, with `time`, `level`, `service`, `message`, the ids of the trace and
/// typed attributes. Secrets are hidden, long lines cut, and floods of one message thinned out.
public struct Logger: Sendable {
  /// Longest line in bytes.
  public static let lineBytesMax = 16 << 10

  private let service: String
  private let minimum: LogLevel
  private let sink: (any LogSink)?
  private let flood: LogFloodGate

  /// Makes a logger that writes lines of at least `minimum`.
  public init(service: String, minimum: LogLevel, sink: (any LogSink)?) {
    self.service = service
    self.minimum = minimum
    self.sink = sink
    flood = LogFloodGate()
  }

  /// Whether lines of this level are written.
  public func isEnabled(_ level: LogLevel) -> Bool { sink != nil && level >= minimum }

  /// Writes a line. `message` is a constant; what varies goes into attributes.
  public func log(
    _ level: LogLevel, _ message: String, _ attributes: KeyValuePairs<String, AttributeValue> = [:],
    trace: TraceContext? = nil
  ) {
    guard let sink, level >= minimum else { return }
    guard let suppressed = flood.admit(message, now: MonotonicClock.now()) else { return }
    var line = "{\"time\":\"\(WallClock.now())\",\"level\":\"\(level.name)\",\"service\":\(LogText.quoted(service))"
    line += ",\"message\":\(LogText.quoted(message))"
    if let trace { line += ",\"trace_id\":\"\(trace.traceIDText)\",\"span_id\":\"\(trace.spanIDText)\"" }
    if suppressed > 0 { line += ",\"suppressed_before\":\(suppressed)" }
    for (key, value) in attributes {
      line += ",\(LogText.quoted(key)):\(Logger.text(key, value))"
      if line.utf8.count > Logger.lineBytesMax {
        line =
          String(decoding: line.utf8.prefix(64), as: UTF8.self).prefix { $0 != "," } + ",\"message\":"
          + LogText.quoted(message) + ",\"cut\":true"
        break
      }
    }
    sink.write(line + "}")
  }

  private static func text(_ key: String, _ value: AttributeValue) -> String {
    if LogText.isSecret(key) { return "\"[redacted]\"" }
    return switch value {
    case .string(let text): LogText.quoted(LogText.masked(String(text.prefix(4096))))
    case .int(let number): "\(number)"
    case .double(let number): number.isFinite ? "\(number)" : "null"
    case .bool(let truth): "\(truth)"
    }
  }

  /// For developers.
  public func debug(
    _ message: String, _ attributes: KeyValuePairs<String, AttributeValue> = [:], trace: TraceContext? = nil
  ) { log(.debug, message, attributes, trace: trace) }
  /// What happens normally.
  public func info(
    _ message: String, _ attributes: KeyValuePairs<String, AttributeValue> = [:], trace: TraceContext? = nil
  ) { log(.info, message, attributes, trace: trace) }
  /// Something to look at.
  public func warning(
    _ message: String, _ attributes: KeyValuePairs<String, AttributeValue> = [:], trace: TraceContext? = nil
  ) { log(.warning, message, attributes, trace: trace) }
  /// Something failed.
  public func error(
    _ message: String, _ attributes: KeyValuePairs<String, AttributeValue> = [:], trace: TraceContext? = nil
  ) { log(.error, message, attributes, trace: trace) }
}

/// Lets each message through at most `perSecond` times a second, after a first burst.
final class LogFloodGate: Sendable {
  private struct Bucket {
    var tokens: Double
    var at: UInt64
    var suppressed: UInt64
  }

  private static let perSecond = 10.0
  private static let burst = 50.0
  private static let messagesMax = 512

  private let buckets = Mutex<[String: Bucket]>([:])

  /// The number of lines suppressed since the last one let through, or `nil` when this one is suppressed too.
  func admit(_ message: String, now: UInt64) -> UInt64? {
    buckets.withLock { buckets in
      if buckets.count > LogFloodGate.messagesMax { buckets.removeAll() }
      var bucket = buckets[message] ?? Bucket(tokens: LogFloodGate.burst, at: now, suppressed: 0)
      defer { buckets[message] = bucket }
      bucket.tokens = min(
        LogFloodGate.burst, bucket.tokens + Double(now &- bucket.at) / 1e9 * LogFloodGate.perSecond)
      bucket.at = now
      guard bucket.tokens >= 1 else {
        bucket.suppressed += 1
        return nil
      }
      bucket.tokens -= 1
      let suppressed = bucket.suppressed
      bucket.suppressed = 0
      return suppressed
    }
  }
}

/// Writes lines to a file descriptor on a thread of its own, from a bounded buffer.
public final class FileLogSink: LogSink {
  private struct State {
    var lines: [String] = []
    var dropped = 0
  }

  private static let linesMax = 8192
  private let state = Mutex(State())
  private let arrived = LineSignal()
  private let descriptor: Int32

  /// Starts writing to `descriptor`, which is not closed.
  public init(descriptor: Int32) {
    self.descriptor = descriptor
    var thread = pthread_t()
    pthread_create(
      &thread, nil,
      { pointer in
        guard let pointer else { return nil }
        let sink = Unmanaged<FileLogSink>.fromOpaque(pointer).takeRetainedValue()
        while true {
          sink.arrived.wait()
          _ = sink.drain()
        }
      }, Unmanaged.passRetained(self).toOpaque())
    pthread_detach(thread)
  }

  /// Queues a line, or counts it as dropped when the queue is full.
  public func write(_ line: String) {
    let isFirst = state.withLock { state in
      if state.lines.count < FileLogSink.linesMax { state.lines.append(line) } else { state.dropped += 1 }
      return state.lines.count == 1
    }
    if isFirst { arrived.signal() }
  }

  /// Writes what is queued, on the calling thread; for the end of the process.
  public func flush() { while drain() {} }

  private func drain() -> Bool {
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

/// Wakes the writing thread.
///
/// `@unchecked Sendable`: POSIX semaphores may be used from any thread.
private final class LineSignal: @unchecked Sendable {
  private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

  init() { sem_init(semaphore, 0, 0) }

  deinit {
    sem_destroy(semaphore)
    semaphore.deallocate()
  }

  func signal() { sem_post(semaphore) }

  func wait() { while sem_wait(semaphore) != 0 {} }
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
