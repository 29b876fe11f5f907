/// A strict, resumable parser of response heads (RFC 9112), with the rules of `RequestHeadParser` for lines, fields and
/// framing. A 1xx head other than 101 is followed by another head: parse again.
///
/// One lenience: a status line may end right after the code, as several servers write it. The `status` of an error it
/// throws speaks of the message; towards one's own client it is a 502.
public struct ResponseHeadParser: Sendable {
  private var scanner: HeadScanner
  private let method: HTTPMethod

  /// A parser for the answer to a request of that method.
  public init(requestMethod: HTTPMethod, limits: HTTPLimits = .standard) {
    scanner = HeadScanner(limits: limits, skipsEmptyLine: false, startLineTooLong: .malformedStatusLine)
    method = requestMethod
  }

  /// The head at the start of `bytes` and how many bytes it took, or nil when more are needed.
  public mutating func parse(
    _ bytes: UnsafeRawBufferPointer
  ) throws(HTTPWireError) -> (head: ResponseHead, consumed: Int)? {
    guard let base = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count > 0,
      let end = try scanner.scan(base, bytes.count)
    else { return nil }
    let lineEnd = scanner.startLineEnd
    let fieldCount = scanner.fieldCount
    scanner.reset()
    let (version, status) = try parseStatusLine(base, lineEnd)
    var facts = FieldFacts()
    facts.isResponse = true
    let headers = try copyHead(base, 0, lineEnd + 2, end, fieldCount, &facts)
    let framing = try framing(version, status, facts)
    let reusable =
      !facts.close && (version == .http11 || facts.keepAlive) && framing != .untilClose && status.code != 101
    return (
      ResponseHead(status: status, version: version, headers: headers, framing: framing, keepAlive: reusable), end
    )
  }

  private func framing(
    _ version: HTTPVersion, _ status: HTTPStatus, _ facts: FieldFacts
  ) throws(HTTPWireError) -> BodyFraming {
    if facts.hasTransferEncoding {
      if version == .http10 { throw HTTPWireError(.invalidTransferEncoding) }
      if facts.contentLength != nil { throw HTTPWireError(.conflictingFraming) }
    }
    if method == .head || status.forbidsBody { return .none }
    if facts.hasTransferEncoding { return .chunked }
    if let length = facts.contentLength { return .length(length) }
    return .untilClose
  }
}

/// `HTTP/1.x SP 3DIGIT [SP reason]`.
private func parseStatusLine(
  _ base: UnsafePointer<UInt8>, _ end: Int
) throws(HTTPWireError) -> (HTTPVersion, HTTPStatus) {
  guard end >= 12, base[8] == ASCII.space, isDigit(base[9]), isDigit(base[10]), isDigit(base[11]), base[9] != 0x30,
    end == 12 || base[12] == ASCII.space, firstControl(base, 9, end) == end
  else { throw HTTPWireError(.malformedStatusLine) }
  let version: HTTPVersion
  do throws(HTTPWireError) {
    version = try parseVersion(base)
  } catch {
    throw HTTPWireError(error.code == .unsupportedVersion ? .unsupportedVersion : .malformedStatusLine)
  }
  let code = UInt16(base[9] - 0x30) * 100 + UInt16(base[10] - 0x30) * 10 + UInt16(base[11] - 0x30)
  return (version, HTTPStatus(valid: code))
}
