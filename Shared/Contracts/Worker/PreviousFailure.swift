public import JSON

/// How the attempt before has failed, as the next one gets to know it.
public struct PreviousFailure: Hashable, Sendable {
  /// A stable name.
  public let code: String
  /// What was wrong, in a sentence that a model can use.
  public let message: String
  /// Whether the journal holds the calls of that attempt, so that the next one goes on behind them.
  public let continues: Bool

  /// Makes a failure.
  public init(code: String, message: String, continues: Bool) {
    self.code = code
    self.message = message
    self.continues = continues
  }

  /// Reads a failure; `nil` when it is no object.
  public init?(_ view: JSONView) {
    guard view.kind == .object else { return nil }
    code = view["code"]?.string ?? "unknown"
    message = view["message"]?.string ?? "No reason was given."
    continues = view["continues"]?.bool ?? false
  }

  /// Writes the failure.
  public func write(to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("code", code)
    writer.member("message", message)
    if continues { writer.member("continues", true) }
    writer.endObject()
  }
}
