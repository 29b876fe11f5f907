/// A log line as it is exported. Secrets are masked in it as in the line.
public struct LogRecord: Sendable {
  /// When it was written, in nanoseconds since 1970.
  public let unixNanoseconds: UInt64
  /// How much it matters.
  public let level: LogLevel
  /// What happened, in constant words.
  public let message: String
  /// What varies.
  public let attributes: [(key: String, value: AttributeValue)]
  /// The span in which it happened.
  public let trace: TraceContext?
}

/// Takes log records; must not block.
public protocol LogRecordSink: AnyObject, Sendable {
  /// A line was written.
  func logged(_ record: LogRecord)
}
