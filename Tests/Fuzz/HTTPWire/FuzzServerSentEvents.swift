// Feeds arbitrary bytes to the event stream parser, at once and in pieces, and writes what it understood.
// `Tests/Fuzz/run.sh` builds and runs it.

/// The entry point that libFuzzer calls with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzServerSentEvents(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  let events = parse(bytes, step: max(1, count))
  let step = 1 + Int((bytes.first ?? 0) & 7)
  precondition(parse(bytes, step: step) == events, "pieces and the whole agree")
  var wire: [UInt8] = []
  for event in events { event.append(to: &wire) }
  // An id lasts until the next one, so ids are written with each event and read back with each event.
  // The writer drops NUL in a type, which the reader may keep.
  if !events.contains(where: { $0.event?.utf8.contains(0) ?? false }) {
    precondition(parse(wire, step: step) == events, "what is encoded is decoded")
  }
  // Arbitrary data stays in its event.
  var arbitrary: [UInt8] = []
  ServerSentEvent(event: "x", data: bytes).append(to: &arbitrary)
  precondition(parse(arbitrary, step: step).count == 1, "data cannot start another event")
  return 0
}

private func parse(_ bytes: [UInt8], step: Int) -> [ServerSentEvent] {
  var parser = ServerSentEventParser()
  var events: [ServerSentEvent] = []
  var at = 0
  while at < bytes.count {
    let end = min(bytes.count, at + step)
    guard let more = try? parser.feed(bytes[at..<end]) else { preconditionFailure("the input is far below the limits") }
    events += more
    at = end
  }
  return events
}
