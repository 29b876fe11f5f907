// Feeds arbitrary bytes to the response head parser, at once and in two pieces; the last byte picks the method.
// `Tests/Fuzz/run.sh` builds and runs it.

/// The entry point that libFuzzer calls with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzResponseHead(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = UnsafeRawBufferPointer(start: start, count: count)
  let last = count == 0 ? 0 : Int(bytes[count - 1])
  let method: HTTPMethod = last & 1 == 0 ? .get : .head
  let limits = HTTPLimits(startLineBytesMax: 256, headBytesMax: 1024, headerCountMax: 12)
  var whole = ResponseHeadParser(requestMethod: method, limits: limits)
  var pieces = ResponseHeadParser(requestMethod: method, limits: limits)
  let expected = outcome(&whole, bytes, method)
  var found = outcome(&pieces, UnsafeRawBufferPointer(rebasing: bytes[0..<(count == 0 ? 0 : last % count)]), method)
  if found == .needMore { found = outcome(&pieces, bytes, method) }
  precondition(found == expected, "pieces and the whole agree")
  return 0
}

private enum Outcome: Equatable {
  case head(consumed: Int, status: HTTPStatus, framing: BodyFraming, keepAlive: Bool, headers: HTTPHeaders)
  case needMore
  case refused(HTTPWireError)
}

private func outcome(
  _ parser: inout ResponseHeadParser, _ bytes: UnsafeRawBufferPointer, _ method: HTTPMethod
) -> Outcome {
  do throws(HTTPWireError) {
    guard let (head, consumed) = try parser.parse(bytes) else { return .needMore }
    precondition(consumed > 0 && consumed <= bytes.count, "no more is used than there is")
    precondition(head.status.code >= 100 && head.status.code <= 999)
    if method == .head || head.status.forbidsBody { precondition(head.framing == .none) }
    if head.framing == .untilClose { precondition(!head.keepAlive) }
    rewrite(head)
    return .head(
      consumed: consumed, status: head.status, framing: head.framing, keepAlive: head.keepAlive, headers: head.headers)
  } catch {
    return .refused(error)
  }
}

/// What was accepted is written and read back as the same response.
private func rewrite(_ head: ResponseHead) {
  var wire: [UInt8] = []
  ResponseHeadWriter.append(
    status: head.status, headers: head.headers, framing: head.framing, keepAlive: head.keepAlive, to: &wire)
  var parser = ResponseHeadParser(requestMethod: .get, limits: HTTPLimits(headBytesMax: 1 << 16))
  guard let again = try? wire.withUnsafeBytes({ try parser.parse($0) }) else {
    preconditionFailure("a written head can be read")
  }
  precondition(again.consumed == wire.count && again.head.status == head.status)
  if head.framing != .none { precondition(again.head.framing == head.framing) }
}
