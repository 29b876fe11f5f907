internal import Glibc

/// One event of an event stream.
public struct ServerSentEvent: Hashable, Sendable {
  /// The last `id` seen.
  public var id: String?
  /// The type; `nil` means `message`.
  public var event: String?
  /// The data, lines joined by LF.
  public var data: [UInt8]

  /// Makes an event.
  public init(id: String? = nil, event: String? = nil, data: [UInt8]) {
    self.id = id
    self.event = event
    self.data = data
  }

  /// Appends the wire form (WHATWG HTML, server-sent events). Line breaks in `id` and `event` are dropped.
  public func append(to bytes: inout [UInt8]) {
    if let id { ServerSentEvent.append("id: ", id, to: &bytes) }
    if let event { ServerSentEvent.append("event: ", event, to: &bytes) }
    // CR, LF and CRLF all end a line for the reader, so each of them starts a new data line here: nothing in `data` can
    // become a field of its own.
    var start = 0
    if !ServerSentEvent.hasBreaks(data) {
      bytes.append("data: ")
      bytes.append(contentsOf: data)
      return bytes.append("\n\n")
    }
    while true {
      var end = start
      while end < data.count, data[end] != 0x0A, data[end] != 0x0D { end += 1 }
      bytes.append("data: ")
      bytes.append(contentsOf: data[start..<end])
      bytes.append("\n")
      if end == data.count { break }
      start = end + (data[end] == 0x0D && end + 1 < data.count && data[end + 1] == 0x0A ? 2 : 1)
    }
    bytes.append("\n")
  }

  private static func hasBreaks(_ data: [UInt8]) -> Bool {
    data.withUnsafeBytes { data in
      guard let base = data.baseAddress else { return false }
      return memchr(base, 0x0A, data.count) != nil || memchr(base, 0x0D, data.count) != nil
    }
  }

  /// Appends the time after which a reader that lost the connection should come back, in milliseconds.
  public static func appendRetry(milliseconds: UInt32, to bytes: inout [UInt8]) {
    bytes.append("retry: ")
    bytes.appendDecimal(UInt64(milliseconds))
    bytes.append("\n\n")
  }

  /// Appends a comment, which keeps a connection alive and is ignored by readers.
  public static func appendComment(_ text: String, to bytes: inout [UInt8]) {
    append(": ", text, to: &bytes)
    bytes.append("\n")
  }

  private static func append(_ field: StaticString, _ text: String, to bytes: inout [UInt8]) {
    bytes.append(field)
    bytes.append(contentsOf: text.utf8.lazy.filter { $0 != 0x0A && $0 != 0x0D && $0 != 0 })
    bytes.append("\n")
  }
}
