// Feeds arbitrary bytes to the request head parser, at once and in two pieces. `Tests/Fuzz/run.sh` builds and runs it.

/// The entry point that libFuzzer calls with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzRequestHead(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = UnsafeRawBufferPointer(start: start, count: count)
  let limits = HTTPLimits(startLineBytesMax: 256, headBytesMax: 1024, headerCountMax: 12)
  var whole = RequestHeadParser(limits: limits)
  var pieces = RequestHeadParser(limits: limits)
  let expected = outcome(&whole, bytes)
  // The first piece may decide already; then it has to decide the same.
  let cut = count == 0 ? 0 : Int(bytes[count - 1]) % count
  var found = outcome(&pieces, UnsafeRawBufferPointer(rebasing: bytes[0..<cut]))
  if found == .needMore { found = outcome(&pieces, bytes) }
  precondition(found == expected, "pieces and the whole agree")
  return 0
}

private enum Outcome: Equatable {
  case head(consumed: Int, target: String, framing: BodyFraming, fields: Int)
  case needMore
  case refused(HTTPWireError)
}

private func outcome(_ parser: inout RequestHeadParser, _ bytes: UnsafeRawBufferPointer) -> Outcome {
  do throws(HTTPWireError) {
    guard let (head, consumed) = try parser.parse(bytes) else { return .needMore }
    precondition(consumed > 0 && consumed <= bytes.count, "no more is used than there is")
    check(head)
    return .head(consumed: consumed, target: head.target, framing: head.framing, fields: head.headers.count)
  } catch {
    return .refused(error)
  }
}

private func check(_ head: RequestHead) {
  precondition(!head.path.isEmpty && !head.methodName.isEmpty)
  precondition(head.target.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F })
  head.headers.forEachRaw { name, value in
    precondition(!name.isEmpty && name.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x3A })
    precondition(value.allSatisfy { ($0 >= 0x20 || $0 == 0x09) && $0 != 0x7F })
  }
  precondition(head.headers.values(of: .host).count <= 1)
  let length = head.headers.contains(.contentLength)
  let coding = head.headers.contains(.transferEncoding)
  precondition(!(length && coding), "one framing at most")
  precondition((head.framing == .chunked) == coding)
  _ = head.query
  var copy = head.headers
  copy.removeHopByHop()
  precondition(!copy.contains(.transferEncoding) && !copy.contains(.connection))
  // What was accepted is written and read back as the same request.
  guard head.method != .other, head.target.hasPrefix("/"), let host = head.host else { return }
  var wire: [UInt8] = []
  guard
    (try? RequestHeadWriter.append(
      method: head.method, target: head.target, host: host, headers: copy, framing: head.framing, to: &wire)) != nil
  else { preconditionFailure("an accepted head can be forwarded") }
  var parser = RequestHeadParser(limits: HTTPLimits(headBytesMax: 1 << 16))
  guard let again = try? wire.withUnsafeBytes({ try parser.parse($0) }) else {
    preconditionFailure("a forwarded head can be read")
  }
  precondition(again.consumed == wire.count && again.head.target == head.target && again.head.host == host)
}
