// Feeds arbitrary bytes to the WebSocket receiver, at once and byte by byte; the first byte picks the side.
// `Tests/Fuzz/run.sh` builds and runs it.

/// The entry point that libFuzzer calls with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzWebSocket(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let all = Array(UnsafeBufferPointer(start: start, count: count))
  let expectsMask = (all.first ?? 0) & 1 == 0
  let bytes = all.dropFirst()
  let (events, violation) = receive(bytes, expectsMask, step: 1)
  let (atOnce, other) = receive(bytes, expectsMask, step: max(1, count))
  precondition(violation == other, "pieces and the whole agree on violations")
  if violation == nil { precondition(events == atOnce, "pieces and the whole agree") }
  // What was understood is written and understood again.
  var wire: [UInt8] = []
  let mask: [UInt8]? = expectsMask ? [1, 2, 3, 4] : nil
  for event in events {
    switch event {
    case .text(let text): WebSocketEncoder.append(.text, Array(text.utf8), mask: mask, to: &wire)
    case .binary(let bytes): WebSocketEncoder.append(.binary, bytes, mask: mask, to: &wire)
    case .ping(let bytes): WebSocketEncoder.append(.ping, bytes, mask: mask, to: &wire)
    case .pong(let bytes): WebSocketEncoder.append(.pong, bytes, mask: mask, to: &wire)
    case .close(let code): WebSocketEncoder.appendClose(code: code, mask: mask, to: &wire)
    }
  }
  let again = receive(wire[...], expectsMask, step: max(1, wire.count))
  precondition(again.events == events && again.violation == nil, "what is encoded is decoded")
  return 0
}

private func receive(
  _ bytes: ArraySlice<UInt8>, _ expectsMask: Bool, step: Int
) -> (events: [WebSocketEvent], violation: WebSocketViolation?) {
  var receiver = WebSocketReceiver(expectsMask: expectsMask, messageBytesMax: 4096)
  var events: [WebSocketEvent] = []
  var rest = bytes
  while !rest.isEmpty {
    do throws(WebSocketViolation) {
      events += try receiver.feed(rest.prefix(step))
    } catch {
      return (events, error)
    }
    rest = rest.dropFirst(step)
  }
  return (events, nil)
}
