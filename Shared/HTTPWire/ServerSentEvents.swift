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

/// An incremental reader of event streams: any split of the bytes gives the same events.
public struct ServerSentEventParser: Sendable {
  /// Largest line, and largest data of one event, in bytes.
  public static let eventBytesMax = 16 << 20

  private var line: [UInt8] = []
  private var sawReturn = false
  private var atStart = true
  private var data: [UInt8] = []
  private var hasData = false
  private var event: String?
  private var id: String?

  /// The last valid `retry` field: how long to wait before connecting again, in milliseconds.
  public private(set) var retryMilliseconds: UInt32?

  /// At the start of a stream.
  public init() {}

  /// Reads on and returns the events that are complete. Throws `HTTPWireError` for lines and events beyond the limit.
  public mutating func feed(_ bytes: some Collection<UInt8>) throws(HTTPWireError) -> [ServerSentEvent] {
    var events: [ServerSentEvent] = []
    var found: Result<[UInt8]?, HTTPWireError>?
    found = bytes.withContiguousStorageIfAvailable { buffer in
      do throws(HTTPWireError) {
        try read(buffer, &events)
        return .success(nil)
      } catch { return .failure(error) }
    }
    if let found {
      _ = try found.get()
      return events
    }
    return try feed(Array(bytes))
  }

  private mutating func read(
    _ bytes: UnsafeBufferPointer<UInt8>, _ events: inout [ServerSentEvent]
  ) throws(HTTPWireError) {
    var start = 0
    if let base = bytes.baseAddress, !sawReturn, memchr(base, 0x0D, bytes.count) == nil {
      // Nearly every stream ends its lines with LF alone.
      while start < bytes.count, let found = memchr(base + start, 0x0A, bytes.count - start) {
        let at = UnsafeRawPointer(found) - UnsafeRawPointer(base)
        try take(UnsafeBufferPointer(rebasing: bytes[start..<at]))
        endLine(&events)
        start = at + 1
      }
      return try take(UnsafeBufferPointer(rebasing: bytes[start..<bytes.count]))
    }
    for at in 0..<bytes.count {
      let byte = bytes[at]
      if byte != 0x0A && byte != 0x0D {
        sawReturn = false
        continue
      }
      if byte == 0x0A, sawReturn, at == start {
        // The LF of a CRLF whose CR ended the line.
        sawReturn = false
        start = at + 1
        continue
      }
      try take(UnsafeBufferPointer(rebasing: bytes[start..<at]))
      endLine(&events)
      sawReturn = byte == 0x0D
      start = at + 1
    }
    try take(UnsafeBufferPointer(rebasing: bytes[start..<bytes.count]))
  }

  private mutating func take(_ piece: UnsafeBufferPointer<UInt8>) throws(HTTPWireError) {
    guard line.count + piece.count <= Self.eventBytesMax else { throw HTTPWireError(.eventLineTooLong) }
    guard data.count + line.count + piece.count <= Self.eventBytesMax else { throw HTTPWireError(.eventTooLarge) }
    line.append(contentsOf: piece)
  }

  private mutating func endLine(_ events: inout [ServerSentEvent]) {
    defer { line.removeAll(keepingCapacity: true) }
    if atStart {
      atStart = false
      if line.starts(with: [0xEF, 0xBB, 0xBF]) { line.removeFirst(3) }
    }
    if line.isEmpty {
      if hasData { events.append(ServerSentEvent(id: id, event: event, data: data)) }
      data = []
      hasData = false
      event = nil
      return
    }
    guard let colon = line.firstIndex(of: 0x3A) else { return field(line[...], line[line.endIndex...]) }
    if colon == 0 { return }
    var value = line[(colon + 1)...]
    if value.first == 0x20 { value = value.dropFirst() }
    field(line[..<colon], value)
  }

  private mutating func field(_ name: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) {
    if name.elementsEqual("data".utf8) {
      if hasData { data.append(0x0A) }
      data.append(contentsOf: value)
      hasData = true
    } else if name.elementsEqual("event".utf8) {
      event = value.isEmpty ? nil : String(decoding: value, as: UTF8.self)
    } else if name.elementsEqual("id".utf8), !value.contains(0) {
      id = String(decoding: value, as: UTF8.self)
    } else if name.elementsEqual("retry".utf8), !value.isEmpty, value.allSatisfy(isDigit) {
      // A number that does not fit is no sensible time and is ignored like any other invalid field.
      retryMilliseconds = UInt32(String(decoding: value, as: UTF8.self)) ?? retryMilliseconds
    }
  }
}
