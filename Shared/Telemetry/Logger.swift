internal import Glibc
internal import Primitives
internal import Synchronization
internal import SystemSources

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
  private static let messageCharactersMax = 512
  private static let cutMark = ",\"cut\":true"

  private let service: String
  private let minimum: LogLevel
  private let sink: (any LogSink)?
  private let exporter: (any LogRecordSink)?
  /// `nil` when every line counts.
  private let flood: LogFloodGate?

  /// Makes a logger that writes lines of at least `minimum`, and hands them to `exporter` as well.
  public init(
    service: String, minimum: LogLevel, sink: (any LogSink)?, exporter: (any LogRecordSink)? = nil
  ) {
    self.init(service: service, minimum: minimum, sink: sink, exporter: exporter, flood: LogFloodGate())
  }

  private init(
    service: String, minimum: LogLevel, sink: (any LogSink)?, exporter: (any LogRecordSink)?, flood: LogFloodGate?
  ) {
    self.service = service
    self.minimum = minimum
    self.sink = sink
    self.exporter = exporter
    self.flood = flood
  }

  /// The same without an export: what the export itself has to report must not become its own work.
  public var unexported: Logger {
    Logger(service: service, minimum: minimum, sink: sink, exporter: nil, flood: flood)
  }

  /// The same without thinning out: for lines of which each counts, and whose writer bounds them.
  public var unthinned: Logger {
    Logger(service: service, minimum: minimum, sink: sink, exporter: exporter, flood: nil)
  }

  /// Whether lines of this level are written.
  public func isEnabled(_ level: LogLevel) -> Bool { sink != nil && level >= minimum }

  /// Writes a line. `message` is a constant; what varies goes into attributes.
  public func log(
    _ level: LogLevel, _ message: String, _ attributes: KeyValuePairs<String, AttributeValue> = [:],
    trace: TraceContext? = nil
  ) {
    guard let sink, level >= minimum else { return }
    var suppressed: UInt64 = 0
    if let flood {
      guard let before = flood.admit(message, now: MonotonicClock.now()) else { return }
      suppressed = before
    }
    let now = WallClock.now()
    let message = String(message.prefix(Logger.messageCharactersMax))
    let safe = attributes.map { (key: $0.key, value: Logger.safe($0.key, $0.value)) }
    var line = "{\"time\":\"\(now)\",\"level\":\"\(level.name)\",\"service\":\(LogText.quoted(service))"
    line += ",\"message\":\(LogText.quoted(message))"
    if let trace { line += ",\"trace_id\":\"\(trace.traceIDText)\",\"span_id\":\"\(trace.spanIDText)\"" }
    if suppressed > 0 { line += ",\"suppressed_before\":\(suppressed)" }
    for (key, value) in safe {
      let member = ",\(LogText.quoted(key)):\(Logger.text(value))"
      // What is left out is said, so room for saying it is kept.
      guard line.utf8.count + member.utf8.count <= Logger.lineBytesMax - Logger.cutMark.utf8.count - 1 else {
        line += Logger.cutMark
        break
      }
      line += member
    }
    sink.write(line + "}")
    exporter?.logged(
      LogRecord(
        unixNanoseconds: UInt64(clamping: now.unixMicroseconds) &* 1000, level: level, message: message,
        attributes: safe, trace: trace))
  }

  /// Without secrets, and of a bounded length.
  private static func safe(_ key: String, _ value: AttributeValue) -> AttributeValue {
    if LogText.isSecret(key) { return .string("[redacted]") }
    guard case .string(let text) = value else { return value }
    return .string(LogText.masked(String(text.prefix(4096))))
  }

  private static func text(_ value: AttributeValue) -> String {
    switch value {
    case .string(let text): LogText.quoted(text)
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
