package import Contracts
package import Primitives

/// One event of a history as it is stored.
package struct EventRow: Sendable {
  package let sequence: Int
  package let at: Timestamp
  package let type: String
  package let step: String?
  package let data: [UInt8]

  package init(sequence: Int, at: Timestamp, type: String, step: String?, data: [UInt8]) {
    self.sequence = sequence
    self.at = at
    self.type = type
    self.step = step
    self.data = data
  }
}

/// A part of a history.
package struct EventPage: Sendable {
  package var events: [EventRow] = []
  /// Whether nothing stands behind it.
  package var isLast = true

  package init(events: [EventRow] = [], isLast: Bool = true) {
    self.events = events
    self.isLast = isLast
  }
}

/// A history holds an event that this program cannot read.
package struct UnreadableHistory: Error, CustomStringConvertible {
  package let run: RunID
  package let sequence: Int

  package init(run: RunID, sequence: Int) {
    self.run = run
    self.sequence = sequence
  }

  package var description: String { "event \(sequence) of \(run) cannot be read by this version" }
}
