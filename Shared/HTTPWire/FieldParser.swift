/// The fields that framing and connection handling ask for, recognised once per field.
enum FieldKind: UInt8, BitwiseCopyable {
  case other, host, connection, contentLength, transferEncoding, expect
  case keepAlive, proxyConnection, te, trailer, upgrade, date

  @inline(__always)
  init(_ name: UnsafePointer<UInt8>, _ count: Int) {
    self = .other
    switch count {
    case 2: if equalIgnoringCase(name, count, "te") { self = .te }
    case 4:
      if equalIgnoringCase(name, count, "host") {
        self = .host
      } else if equalIgnoringCase(name, count, "date") {
        self = .date
      }
    case 6: if equalIgnoringCase(name, count, "expect") { self = .expect }
    case 7:
      if equalIgnoringCase(name, count, "upgrade") {
        self = .upgrade
      } else if equalIgnoringCase(name, count, "trailer") {
        self = .trailer
      }
    case 10:
      if equalIgnoringCase(name, count, "connection") {
        self = .connection
      } else if equalIgnoringCase(name, count, "keep-alive") {
        self = .keepAlive
      }
    case 14: if equalIgnoringCase(name, count, "content-length") { self = .contentLength }
    case 16: if equalIgnoringCase(name, count, "proxy-connection") { self = .proxyConnection }
    case 17: if equalIgnoringCase(name, count, "transfer-encoding") { self = .transferEncoding }
    default: break
    }
  }

  var isHopByHop: Bool {
    switch self {
    case .connection, .keepAlive, .proxyConnection, .te, .trailer, .transferEncoding, .upgrade: true
    case .other, .host, .contentLength, .expect, .date: false
    }
  }

  /// Whether the head writers put the field themselves, so that a caller's copy must not stand beside theirs.
  var isFraming: Bool { self == .contentLength || self == .transferEncoding || self == .connection }
}

/// What the fields of one head say about framing and the connection.
struct FieldFacts {
  var contentLength: UInt64?
  var hasTransferEncoding = false
  var hostCount = 0
  var hostStart = 0
  var hostLength = 0
  var close = false
  var keepAlive = false
  var hasExpect = false
  var expectsContinue = false
  /// In a response, Expect means nothing.
  var isResponse = false
}

/// Parses the field lines in `start..<end` into records, whose capacity the caller has sized to the number of lines.
///
/// Every line is known to end in CRLF, and an empty line follows at `end`, so a scan may read up to there.
/// Returns how many records were written, or the reason of refusal.
func parseFields(
  _ base: UnsafePointer<UInt8>, _ start: Int, _ end: Int, offset: Int,
  _ records: UnsafeMutableBufferPointer<HTTPHeaders.Record>, _ facts: inout FieldFacts
) throws(HTTPWireError) -> Int {
  var count = 0
  var i = start
  while i < end {
    let nameStart = i
    while ByteSet.token.contains(base[i]) { i &+= 1 }
    let nameLength = i &- nameStart
    if base[i] != ASCII.colon || nameLength == 0 || nameLength > HTTPHeaders.nameBytesMax {
      throw fieldNameError(nameLength, base[i])
    }
    i &+= 1
    while base[i] == ASCII.space || base[i] == ASCII.tab { i &+= 1 }
    let valueStart = i
    i = firstControl(base, i, end)
    if base[i] != ASCII.cr || base[i &+ 1] != ASCII.lf { throw HTTPWireError(.invalidHeaderValue) }
    var valueEnd = i
    while valueEnd > valueStart, base[valueEnd &- 1] == ASCII.space || base[valueEnd &- 1] == ASCII.tab {
      valueEnd &-= 1
    }
    i &+= 2
    let kind = FieldKind(base + nameStart, nameLength)
    if kind != .other {
      try note(kind, base, valueStart, valueEnd &- valueStart, &facts)
    }
    records[count] = HTTPHeaders.Record(
      nameStart: UInt32(truncatingIfNeeded: nameStart &- offset),
      valueStart: UInt32(truncatingIfNeeded: valueStart &- offset),
      valueLength: UInt32(truncatingIfNeeded: valueEnd &- valueStart),
      nameLength: UInt16(truncatingIfNeeded: nameLength), kind: kind)
    count &+= 1
  }
  return count
}

private func fieldNameError(_ nameLength: Int, _ next: UInt8) -> HTTPWireError {
  let blank = next == ASCII.space || next == ASCII.tab
  if blank { return HTTPWireError(nameLength == 0 ? .obsoleteFolding : .whitespaceBeforeColon) }
  return HTTPWireError(.invalidHeaderName)
}

private func note(
  _ kind: FieldKind, _ base: UnsafePointer<UInt8>, _ start: Int, _ count: Int, _ facts: inout FieldFacts
) throws(HTTPWireError) {
  switch kind {
  case .host:
    facts.hostCount += 1
    facts.hostStart = start
    facts.hostLength = count
  case .contentLength:
    if facts.contentLength != nil { throw HTTPWireError(.duplicateContentLength) }
    facts.contentLength = try parseContentLength(base + start, count)
  case .transferEncoding:
    if facts.hasTransferEncoding { throw HTTPWireError(.invalidTransferEncoding) }
    if !equalIgnoringCase(base + start, count, "chunked") { throw HTTPWireError(.unsupportedTransferEncoding) }
    facts.hasTransferEncoding = true
  case .connection:
    forEachListElement(base + start, count) { element, count in
      if equalIgnoringCase(element, count, "close") {
        facts.close = true
      } else if equalIgnoringCase(element, count, "keep-alive") {
        facts.keepAlive = true
      }
    }
  case .expect:
    if facts.isResponse { return }
    if facts.hasExpect || !equalIgnoringCase(base + start, count, "100-continue") {
      throw HTTPWireError(.unsupportedExpectation)
    }
    facts.hasExpect = true
    facts.expectsContinue = true
  case .other, .keepAlive, .proxyConnection, .te, .trailer, .upgrade, .date: break
  }
}

/// Digits only and no overflow; the length is bounded by the field's own limit.
private func parseContentLength(_ base: UnsafePointer<UInt8>, _ count: Int) throws(HTTPWireError) -> UInt64 {
  if count == 0 { throw HTTPWireError(.invalidContentLength) }
  var value: UInt64 = 0
  for i in 0..<count {
    guard isDigit(base[i]) else { throw HTTPWireError(.invalidContentLength) }
    let (product, overflow) = value.multipliedReportingOverflow(by: 10)
    let (sum, carry) = product.addingReportingOverflow(UInt64(base[i] &- 0x30))
    if overflow || carry { throw HTTPWireError(.invalidContentLength) }
    value = sum
  }
  // A length that does not fit an Int cannot be counted down by anyone.
  if value > UInt64(Int.max) { throw HTTPWireError(.invalidContentLength) }
  return value
}
