public import JSON

/// A call that an earlier attempt of a step has made and recorded. The next attempt answers it from here, so that
/// nothing is paid or done twice.
public struct JournalEntry: Hashable, Sendable {
  /// What was called.
  public let kind: CallReport.Kind
  /// The recorded event, a JSON document: `index`, `name`, `request_sha256` and what it took.
  public let call: [UInt8]
  /// What was answered, a JSON document.
  public let result: [UInt8]

  /// Makes an entry of documents that are valid JSON.
  public init(kind: CallReport.Kind, call: [UInt8], result: [UInt8]) {
    self.kind = kind
    self.call = call
    self.result = result
  }

  /// Reads an entry; `nil` when a call cannot be distinguished from others by it, or when nobody here knows its kind: an
  /// attempt without it could do the same again.
  public init?(_ view: JSONView) {
    guard let call = view["call"], call["request_sha256"]?.string != nil, let result = view["result"],
      let kind = view["kind"]?.string.flatMap({ CallReport.Kind(rawValue: $0) })
    else { return nil }
    self.kind = kind
    self.call = Array(call.rawBytes)
    self.result = Array(result.rawBytes)
  }

  /// The digest of what was asked; `nil` when the event has none.
  public var requestSHA256: String? {
    guard let root = try? JSONDocument(parsing: call).root else { return nil }
    return root["request_sha256"]?.string
  }

  /// Writes the entry.
  public func write(to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("kind", kind.rawValue)
    writer.member("call", raw: call)
    writer.member("result", raw: result)
    writer.endObject()
  }
}
