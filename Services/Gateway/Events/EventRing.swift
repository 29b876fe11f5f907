/// The newest events of a run, in order and without gaps, within a bound in events and bytes.
package struct EventRing: Sendable {
  /// What a reader finds behind the event that it has seen last.
  package enum Reading: Sendable, Hashable {
    /// The next events, at least one.
    case events([RunEvent])
    /// Nothing yet.
    case nothing
    /// The next event has left the ring: the reader was too slow, or comes too late.
    case gone
  }

  /// Events that are kept.
  package static let eventsMax = 1024
  /// Bytes that are kept, whatever the number of events; one event is always kept.
  package static let bytesMax = 1 << 20
  /// Events that a reader gets at a time.
  package static let portionMax = 64

  private let eventsMax: Int
  private let bytesMax: Int
  private var events: [RunEvent] = []
  /// Where the kept ones begin in `events`.
  private var start = 0
  private var bytes = 0
  /// The number of the newest event.
  package private(set) var last: Int64

  /// A ring that is empty and goes on behind an event.
  package init(after last: Int64, eventsMax: Int = EventRing.eventsMax, bytesMax: Int = EventRing.bytesMax) {
    self.last = last
    self.eventsMax = max(1, eventsMax)
    self.bytesMax = bytesMax
  }

  /// The number of events that are kept.
  package var count: Int { events.count - start }

  /// Adds an event. One that is known already is left out; returns whether it was added.
  package mutating func append(_ event: RunEvent) -> Bool {
    guard event.sequence > last else { return false }
    // Behind a gap nothing in front of it may be read as if it were complete.
    if event.sequence != last &+ 1 { removeAll() }
    last = event.sequence
    events.append(event)
    bytes += event.bytes
    while count > eventsMax || (bytes > bytesMax && count > 1) {
      bytes -= events[start].bytes
      start += 1
    }
    // What has left is removed in portions, so that each is moved once or twice.
    if start > eventsMax / 2, start > count {
      events.removeFirst(start)
      start = 0
    }
    return true
  }

  private mutating func removeAll() {
    events.removeAll()
    (start, bytes) = (0, 0)
  }

  /// What follows an event.
  package func read(after sequence: Int64) -> Reading {
    if sequence >= last { return .nothing }
    guard start < events.count, sequence &+ 1 >= events[start].sequence else { return .gone }
    let first = start + Int(sequence &+ 1 &- events[start].sequence)
    return .events(Array(events[first..<min(first + EventRing.portionMax, events.count)]))
  }
}
