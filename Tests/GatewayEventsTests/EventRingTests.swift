import GatewayEvents
import HTTP
import JSON
import Testing

@Suite struct EventRingTests {
  private func event(_ sequence: Int, type: String = "step.started", bytes: Int = 0) throws -> RunEvent {
    let text =
      "{\"seq\":\(sequence),\"type\":\"\(type)\",\"step\":\"a\",\"data\":\"\(String(repeating: "x", count: bytes))\"}"
    return try #require(RunEvent(JSONDocument(parsing: Array(text.utf8)).root))
  }

  private func sequences(_ reading: EventRing.Reading) -> [Int64]? {
    if case .events(let events) = reading { events.map(\.sequence) } else { nil }
  }

  @Test func `encodes an event once for both kinds of readers`() throws {
    let event = try event(7)
    #expect(String(decoding: event.json, as: UTF8.self) == #"{"seq":7,"type":"step.started","step":"a","data":""}"#)
    #expect(
      String(decoding: event.piece.bytes, as: UTF8.self)
        == "id: 7\nevent: step.started\ndata: \(String(decoding: event.json, as: UTF8.self))\n\n")
    #expect(!event.isEnd)
    #expect(try self.event(8, type: "run.failed").isEnd)
  }

  @Test func `gives every reader what follows its last event`() throws {
    var ring = EventRing(after: 3)
    #expect(ring.read(after: 3) == .nothing)
    for sequence in 4...6 { #expect(ring.append(try event(sequence))) }
    #expect(sequences(ring.read(after: 3)) == [4, 5, 6])
    #expect(sequences(ring.read(after: 5)) == [6])
    #expect(ring.read(after: 6) == .nothing)
    // A reader that is ahead waits.
    #expect(ring.read(after: 9) == .nothing)
    // What came before the ring is not in it.
    #expect(ring.read(after: 2) == .gone)
  }

  @Test func `takes every event once`() throws {
    var ring = EventRing(after: 0)
    #expect(ring.append(try event(1)))
    #expect(!ring.append(try event(1)))
    #expect(sequences(ring.read(after: 0)) == [1])
  }

  @Test func `keeps no more events than it may`() throws {
    var ring = EventRing(after: 0, eventsMax: 4)
    for sequence in 1...1000 {
      #expect(ring.append(try event(sequence)))
      #expect(ring.count <= 4)
    }
    #expect(ring.read(after: 995) == .gone)
    #expect(sequences(ring.read(after: 996)) == [997, 998, 999, 1000])
  }

  @Test func `keeps no more bytes than it may, and always the newest event`() throws {
    var ring = EventRing(after: 0, bytesMax: 5000)
    for sequence in 1...10 { #expect(ring.append(try event(sequence, bytes: 1000))) }
    #expect(ring.count == 2)
    #expect(ring.append(try event(11, bytes: 100_000)))
    #expect(ring.count == 1)
    #expect(sequences(ring.read(after: 10)) == [11])
    #expect(ring.read(after: 9) == .gone)
  }

  @Test func `never gives events across a gap`() throws {
    var ring = EventRing(after: 0)
    #expect(ring.append(try event(1)))
    #expect(ring.append(try event(5)))
    #expect(ring.read(after: 0) == .gone)
    #expect(ring.read(after: 1) == .gone)
    #expect(sequences(ring.read(after: 4)) == [5])
  }

  @Test func `gives a reader a bounded portion at a time`() throws {
    var ring = EventRing(after: 0)
    for sequence in 1...200 { #expect(ring.append(try event(sequence))) }
    #expect(sequences(ring.read(after: 0))?.count == EventRing.portionMax)
  }

  @Test func `shows readers only what they ask for`() throws {
    var filter = RunEventFilter()
    #expect(filter.includes(try event(1)))
    filter.types = ["run.failed"]
    #expect(!filter.includes(try event(1)))
    filter.types = []
    filter.steps = ["b"]
    #expect(!filter.includes(try event(1)))
    filter.steps = ["a"]
    #expect(filter.includes(try event(1)))
  }
}
