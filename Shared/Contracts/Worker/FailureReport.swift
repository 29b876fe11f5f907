public import JSON

/// Why an attempt came to nothing, as its worker reports it.
public struct FailureReport: Hashable, Sendable {
  /// A stable name.
  public let code: String
  /// A sentence for people.
  public let message: String
  /// Whether another attempt may do better.
  public let isRetryable: Bool

  /// Makes a report; code and message are made storable.
  public init(code: String, message: String, isRetryable: Bool) {
    self.code = StorableText.make(code, bytesMax: WorkerLimits.failureCodeBytesMax, fallback: "unknown")
    self.message = StorableText.make(
      message, bytesMax: WorkerLimits.failureMessageBytesMax, fallback: "No reason was given.")
    self.isRetryable = isRetryable
  }

  /// Reads a report; faults are noted in `fields`. Texts that are too long are cut.
  init(reading fields: inout JSONFields) {
    code = fields.storableText("code", bytesMax: WorkerLimits.failureCodeBytesMax)
    message = fields.storableText("message", bytesMax: WorkerLimits.failureMessageBytesMax)
    isRetryable = fields.bool("retryable") ?? false
  }

  /// Writes the report.
  public func write(to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("code", code)
    writer.member("message", message)
    writer.member("retryable", isRetryable)
    writer.endObject()
  }
}
