internal import Glibc

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

  /// Comments, and ends of events without data, since this was set to 0: what a stream brings while it brings nothing.
  public var silentLines = 0

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
      if hasData { events.append(ServerSentEvent(id: id, event: event, data: data)) } else { silentLines += 1 }
      data = []
      hasData = false
      event = nil
      return
    }
    guard let colon = line.firstIndex(of: 0x3A) else { return field(line[...], line[line.endIndex...]) }
    if colon == 0 {
      silentLines += 1
      return
    }
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
