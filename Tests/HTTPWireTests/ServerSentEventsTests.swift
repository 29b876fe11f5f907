import Testing

@testable import HTTPWire

private func events(_ bytes: [UInt8], step: Int = .max) throws -> [ServerSentEvent] {
  var parser = ServerSentEventParser()
  var result: [ServerSentEvent] = []
  var at = 0
  while at < bytes.count {
    let end = min(bytes.count, at + min(step, bytes.count))
    result += try parser.feed(bytes[at..<end])
    at = end
  }
  return result
}

private func event(_ data: String, id: String? = nil, type: String? = nil) -> ServerSentEvent {
  ServerSentEvent(id: id, event: type, data: Array(data.utf8))
}

private let streams: [(String, [ServerSentEvent])] = [
  // The examples of the WHATWG text.
  ("data: YHOO\ndata: +2\ndata: 10\n\n", [event("YHOO\n+2\n10")]),
  (
    ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
    [event("first event", id: "1"), event("second event", id: ""), event(" third event", id: "")]
  ),
  ("data\n\ndata\ndata\n\ndata:", [event(""), event("\n")]),
  ("data:test\n\ndata: test\n\n", [event("test"), event("test")]),
  (
    "event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\n",
    [event("73857293", type: "add"), event("2153", type: "remove")]
  ),
  // Line ends and the byte order mark.
  ("data: a\r\ndata: b\r\n\r\n", [event("a\nb")]), ("data: a\rdata: b\r\r", [event("a\nb")]),
  ("data: a\n\r\n", [event("a")]),
  ("data: a\r\n\n", [event("a")]), ("data: a\r\n\r", [event("a")]), ("\u{FEFF}data: a\n\n", [event("a")]),
  ("\u{FEFF}\u{FEFF}data: a\n\ndata: b\n\n", [event("b")]), ("\n\u{FEFF}data: a\n\n", []),
  ("\r\n\r\ndata: a\n\n", [event("a")]),
  // Fields.
  ("event: x\n\ndata: a\n\n", [event("a")]), ("event: x\nevent:\ndata: a\n\n", [event("a")]), ("Data: a\n\n", []),
  ("data : a\n\n", []),
  (" data: a\n\n", []), ("foo: a\n\n", []), (":data: a\n\n", []), ("data: a: b\n\n", [event("a: b")]),
  ("data:\ta\n\n", [event("\ta")]),
  ("id: 1\ndata: a\n\ndata: b\n\n", [event("a", id: "1"), event("b", id: "1")]),
  ("id: 1\nid: 2\0\ndata: a\n\n", [event("a", id: "1")]),
  ("id: 7\n\ndata: a\n\n", [event("a", id: "7")]), ("data: 😀é\n\n", [event("😀é")]), ("data: a", []), ("data: a\n", []),
  ("\n\n\n", []),
  ("retry: 5\n\ndata: x\n\n", [event("x")]),
]

@Suite struct ServerSentEventsTests {
  @Test(arguments: streams)
  func `a stream gives the same events however it is split`(text: String, expected: [ServerSentEvent]) throws {
    let bytes = Array(text.utf8)
    for step in 1...bytes.count { #expect(try events(bytes, step: step) == expected) }
  }

  @Test func `data that is not UTF-8 arrives unchanged`() throws {
    let bytes = Array("data: ".utf8) + [0xFF, 0x00, 0x80] + [10, 10]
    #expect(try events(bytes) == [ServerSentEvent(data: [0xFF, 0x00, 0x80])])
  }

  @Test(
    arguments: [
      ("retry: 1500", 1500), ("retry:0", 0), ("retry: -1", nil), ("retry: 1s", nil), ("retry", nil),
      ("retry: 99999999999", nil),
    ] as [(String, UInt32?)])
  func `the reconnection time is digits only`(line: String, expected: UInt32?) throws {
    var parser = ServerSentEventParser()
    let events = try parser.feed(Array("\(line)\n".utf8))
    #expect(events.isEmpty)
    #expect(parser.retryMilliseconds == expected)
  }

  @Test(arguments: ["", "a", "a\nb", "\n", "a\n\nb\n", " lead", ":x", "id: 5", "é"])
  func `what is encoded is decoded`(data: String) throws {
    var wire: [UInt8] = []
    let original = event(data, id: "42", type: "token")
    original.append(to: &wire)
    #expect(try events(wire, step: 1) == [original])
  }

  @Test(arguments: [
    ("a\revent: evil\r\rdata: b", "a\nevent: evil\n\ndata: b"), ("a\r\n\r\ndata: b", "a\n\ndata: b"), ("\r", "\n"),
    ("a\r", "a\n"),
    ("\r\r\n\n\r", "\n\n\n\n"),
  ])
  func `line breaks in data never start another field or event`(data: String, expected: String) throws {
    var wire: [UInt8] = []
    event(data).append(to: &wire)
    #expect(try events(wire) == [event(expected)])
  }

  @Test func `what brings nothing is counted`() throws {
    var parser = ServerSentEventParser()
    #expect(try parser.feed(Array(": a\n\nid: 1\n\ndata: x\ndata: y\n\n:\r\n".utf8)).count == 1)
    #expect(parser.silentLines == 4)
  }

  @Test func `line breaks in ids, types and comments are dropped`() throws {
    var wire: [UInt8] = []
    ServerSentEvent.appendComment("a\n\ndata: x\r\r", to: &wire)
    event("d", id: "1\ndata: x", type: "t\r\rdata: y\0").append(to: &wire)
    ServerSentEvent.appendRetry(milliseconds: 3000, to: &wire)
    #expect(try events(wire) == [event("d", id: "1data: x", type: "tdata: y")])
  }

  @Test func `a line and an event have limits`() throws {
    let block = [UInt8](repeating: 0x61, count: 1 << 20)
    #expect(throws: HTTPWireError(.eventLineTooLong)) {
      var parser = ServerSentEventParser()
      for _ in 0...16 { _ = try parser.feed(block) }
    }
    #expect(throws: HTTPWireError(.eventTooLarge)) {
      var parser = ServerSentEventParser()
      for _ in 0...16 { _ = try parser.feed(Array("data: ".utf8) + block + [10]) }
    }
    var parser = ServerSentEventParser()
    for _ in 0...40 { _ = try parser.feed(Array("foo: ".utf8) + block + [10]) }
  }
}
