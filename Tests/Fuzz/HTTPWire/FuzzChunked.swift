// Feeds arbitrary bytes to the chunked decoder, at once and in pieces; the first byte is the size of a piece.
// `Tests/Fuzz/run.sh` builds and runs it.

/// The entry point that libFuzzer calls with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzChunked(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  guard count > 0 else { return 0 }
  let all = UnsafeRawBufferPointer(start: start, count: count)
  let bytes = UnsafeRawBufferPointer(rebasing: all[1...])
  let whole = decode(bytes, step: max(1, bytes.count))
  precondition(decode(bytes, step: 1 + Int(all[0] & 15)) == whole, "pieces and the whole agree")
  if case .end(let body, _) = whole { encode(body) }
  return 0
}

private enum Outcome: Equatable {
  case end([UInt8], consumed: Int)
  case needMore([UInt8])
  case refused(HTTPWireError)
}

private func decode(_ bytes: UnsafeRawBufferPointer, step: Int) -> Outcome {
  var decoder = ChunkedDecoder()
  var body: [UInt8] = []
  var at = 0
  do throws(HTTPWireError) {
    while at < bytes.count {
      let piece = UnsafeRawBufferPointer(rebasing: bytes[at..<min(bytes.count, at + step)])
      let (event, consumed) = try decoder.next(piece)
      precondition(consumed > 0 && consumed <= piece.count, "every step makes progress")
      at += consumed
      switch event {
      case .data(let range):
        precondition(range.upperBound == consumed && !range.isEmpty)
        body += piece[range]
      case .needMore: precondition(consumed == piece.count)
      case .end:
        precondition(decoder.isDone)
        return .end(body, consumed: at)
      }
    }
  } catch {
    return .refused(error)
  }
  return .needMore(body)
}

private func encode(_ body: [UInt8]) {
  var wire: [UInt8] = []
  body.withUnsafeBytes { ChunkedEncoder.append($0, to: &wire) }
  ChunkedEncoder.appendEnd(to: &wire)
  let again = wire.withUnsafeBytes { decode($0, step: 3) }
  precondition(again == .end(body, consumed: wire.count), "what is encoded is decoded")
}
