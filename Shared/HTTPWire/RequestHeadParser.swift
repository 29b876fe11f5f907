/// A strict, resumable parser of request heads (RFC 9112), written against request smuggling: one reading or none.
///
/// Feed it the unconsumed bytes of the connection from their start, again and again as they grow; it remembers how far
/// it has searched. After a head it is ready for the next request of the connection. After an error the
/// connection must be answered and closed.
///
/// Refused: line ends other than CRLF, folded lines, blanks before a colon, control characters, repeated or listed
/// Content-Length, any transfer coding but `chunked`, Content-Length beside Transfer-Encoding, Transfer-Encoding in
/// HTTP/1.0, a missing, repeated or invalid Host, versions but 1.0 and 1.1, CONNECT, TRACE, expectations but
/// 100-continue, target characters outside RFC 3986.
public struct RequestHeadParser: Sendable {
  private var scanner: HeadScanner

  /// A parser with limits.
  public init(limits: HTTPLimits = .standard) {
    scanner = HeadScanner(limits: limits, skipsEmptyLine: true, startLineTooLong: .requestLineTooLong)
  }

  /// The head at the start of `bytes` and how many bytes it took, or nil when more are needed.
  public mutating func parse(
    _ bytes: UnsafeRawBufferPointer
  ) throws(HTTPWireError) -> (head: RequestHead, consumed: Int)? {
    guard let base = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count > 0,
      let end = try scanner.scan(base, bytes.count)
    else { return nil }
    let start = scanner.start
    let lineEnd = scanner.startLineEnd
    let fieldCount = scanner.fieldCount
    scanner.reset()
    let line = try RequestLine(base, start, lineEnd)
    var facts = FieldFacts()
    let headers = try copyHead(base, start, lineEnd + 2, end, fieldCount, &facts)
    let head = try RequestHead(line, start, headers, facts, base)
    return (head, end)
  }
}

/// Parses the fields and copies the head into storage of its own: two allocations of exactly the right size.
@inline(__always)
func copyHead(
  _ base: UnsafePointer<UInt8>, _ start: Int, _ fields: Int, _ end: Int, _ fieldCount: Int, _ facts: inout FieldFacts
) throws(HTTPWireError) -> HTTPHeaders {
  var failure: HTTPWireError?
  let records = [HTTPHeaders.Record](unsafeUninitializedCapacity: fieldCount) { buffer, count in
    do throws(HTTPWireError) {
      count = try parseFields(base, fields, end - 2, offset: start, buffer, &facts)
    } catch {
      failure = error
    }
  }
  if let failure { throw failure }
  let bytes = [UInt8](unsafeUninitializedCapacity: end - start) { buffer, count in
    buffer.baseAddress?.initialize(from: base + start, count: end - start)
    count = end - start
  }
  return HTTPHeaders(bytes: bytes, records: records)
}

/// The start line, as indexes into the buffer.
private struct RequestLine {
  var method: HTTPMethod
  var version: HTTPVersion
  var methodLength: Int
  var targetStart: Int
  var targetEnd: Int
  var pathStart: Int
  var pathEnd: Int
  var hasQuery = false
  var hostStart = 0
  var hostEnd = 0

  @inline(__always)
  init(_ base: UnsafePointer<UInt8>, _ start: Int, _ end: Int) throws(HTTPWireError) {
    var i = start
    while ByteSet.token.contains(base[i]) { i &+= 1 }
    guard i > start, i &- start <= 64, base[i] == ASCII.space else {
      throw HTTPWireError(i < end && i > start ? .invalidMethod : .malformedRequestLine)
    }
    methodLength = i &- start
    method = HTTPMethod(bytes: base + start, count: methodLength)
    targetStart = i &+ 1
    targetEnd = end &- 9
    guard targetEnd > targetStart, base[targetEnd] == ASCII.space else { throw HTTPWireError(.malformedRequestLine) }
    version = try parseVersion(base + targetEnd + 1)
    if method == .connect { throw HTTPWireError(.methodNotImplemented) }
    if method == .trace { throw HTTPWireError(.methodNotAllowed) }

    pathStart = targetStart
    pathEnd = targetEnd
    switch base[targetStart] {
    case 0x2F: break
    case 0x2A:
      guard method == .options, targetEnd &- targetStart == 1 else { throw HTTPWireError(.invalidTarget) }
      return
    default:
      try parseAuthority(base)
    }
    i = pathStart
    while i < targetEnd, ByteSet.path.contains(base[i]) { i &+= 1 }
    pathEnd = i
    if i < targetEnd, base[i] == 0x3F {
      hasQuery = true
      i &+= 1
      while i < targetEnd, ByteSet.query.contains(base[i]) { i &+= 1 }
    }
    if i != targetEnd { throw HTTPWireError(.invalidTarget) }
  }

  /// `http://host[:port]` of the absolute form; leaves `pathStart` behind it.
  private mutating func parseAuthority(_ base: UnsafePointer<UInt8>) throws(HTTPWireError) {
    let length = targetEnd - targetStart
    if length > 7, equalIgnoringCase(base + targetStart, 7, "http://") {
      hostStart = targetStart + 7
    } else if length > 8, equalIgnoringCase(base + targetStart, 8, "https://") {
      hostStart = targetStart + 8
    } else {
      throw HTTPWireError(.invalidTarget)
    }
    hostEnd = hostStart
    while hostEnd < targetEnd, base[hostEnd] != 0x2F, base[hostEnd] != 0x3F { hostEnd += 1 }
    guard isValidAuthority(base + hostStart, hostEnd - hostStart) else { throw HTTPWireError(.invalidHost) }
    pathStart = hostEnd
  }
}

/// Reads the eight bytes `HTTP/1.x`.
@inline(__always)
func parseVersion(_ base: UnsafePointer<UInt8>) throws(HTTPWireError) -> HTTPVersion {
  if matches(base, "HTTP/1.") {
    if base[7] == 0x31 { return .http11 }
    if base[7] == 0x30 { return .http10 }
  }
  guard matches(base, "HTTP/"), isDigit(base[5]), base[6] == 0x2E, isDigit(base[7]) else {
    throw HTTPWireError(.malformedRequestLine)
  }
  throw HTTPWireError(.unsupportedVersion)
}

/// `host [":" port]` with a name, an IPv4 address or a bracketed IPv6 address; the host is not empty.
///
/// Names are narrower than `reg-name`: no name of the DNS has delimiters or escapes, and a comma is what two Host
/// fields look like after a careless proxy has joined them.
@inline(__always)
func isValidAuthority(_ base: UnsafePointer<UInt8>, _ count: Int) -> Bool {
  guard count > 0 else { return false }
  var i = 0
  if base[0] == 0x5B {
    i = 1
    while i < count, hexValue(base[i]) != nil || base[i] == ASCII.colon || base[i] == 0x2E { i &+= 1 }
    // The shortest address is `::`.
    guard i > 2, i < count, base[i] == 0x5D else { return false }
    i &+= 1
  } else {
    while i < count, ByteSet.unreserved.contains(base[i]) { i &+= 1 }
    guard i > 0 else { return false }
  }
  if i == count { return true }
  guard base[i] == ASCII.colon, count &- i <= 6 else { return false }
  i &+= 1
  while i < count, isDigit(base[i]) { i &+= 1 }
  return i == count
}

extension RequestHead {
  @inline(__always)
  fileprivate init(
    _ line: RequestLine, _ start: Int, _ headers: HTTPHeaders, _ facts: FieldFacts, _ base: UnsafePointer<UInt8>
  ) throws(HTTPWireError) {
    if facts.hostCount > 1 { throw HTTPWireError(.duplicateHost) }
    if facts.hostCount == 0 {
      if line.version == .http11 { throw HTTPWireError(.missingHost) }
    } else if !isValidAuthority(base + facts.hostStart, facts.hostLength) {
      throw HTTPWireError(.invalidHost)
    }
    if facts.hasTransferEncoding {
      if line.version == .http10 { throw HTTPWireError(.invalidTransferEncoding) }
      if facts.contentLength != nil { throw HTTPWireError(.conflictingFraming) }
      framing = .chunked
    } else if let length = facts.contentLength {
      framing = .length(length)
    } else {
      framing = .none
    }
    let absolute = line.hostEnd > 0
    let hostStart = absolute ? line.hostStart : facts.hostStart
    let hostLength = absolute ? line.hostEnd - line.hostStart : facts.hostLength
    method = line.method
    version = line.version
    keepAlive = !facts.close && (line.version == .http11 || facts.keepAlive)
    expectsContinue = facts.expectsContinue && line.version == .http11
    self.headers = headers
    hasHost = absolute || facts.hostCount == 1
    methodLength = UInt16(truncatingIfNeeded: line.methodLength)
    targetStart = UInt32(truncatingIfNeeded: line.targetStart - start)
    targetLength = UInt32(truncatingIfNeeded: line.targetEnd - line.targetStart)
    pathStart = UInt32(truncatingIfNeeded: line.pathStart - start)
    pathLength = UInt32(truncatingIfNeeded: line.pathEnd - line.pathStart)
    hasQuery = line.hasQuery
    queryLength = line.hasQuery ? UInt32(truncatingIfNeeded: line.targetEnd - line.pathEnd - 1) : 0
    self.hostStart = hasHost ? UInt32(truncatingIfNeeded: hostStart - start) : 0
    self.hostLength = UInt32(truncatingIfNeeded: hostLength)
  }
}
