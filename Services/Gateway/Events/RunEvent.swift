package import HTTP
package import HTTPWire
package import JSON

/// An event of a run, encoded once for all who read it.
package struct RunEvent: Sendable, Hashable {
  private static let ends: Set<String> = ["run.succeeded", "run.failed", "run.cancelled"]

  /// Its number in the history, from 1.
  package let sequence: Int64
  /// For example `step.started`.
  package let type: String
  /// The key of its step.
  package let step: String?
  /// The event as a message of WebSocket, and as data of a server-sent event.
  package let json: [UInt8]
  /// The server-sent event.
  package let piece: SharedPiece

  /// Whether nothing comes behind it.
  package var isEnd: Bool { RunEvent.ends.contains(type) }

  /// Reads an event as the orchestrator writes it; `nil` when it is none.
  package init?(_ view: JSONView) {
    guard let sequence = view["seq"]?.int, let type = view["type"]?.string else { return nil }
    let json = Array(view.rawBytes)
    var frame: [UInt8] = []
    frame.reserveCapacity(json.count + type.utf8.count + 40)
    ServerSentEvent(id: String(sequence), event: type, data: json).append(to: &frame)
    guard let piece = SharedPiece(frame) else { return nil }
    self.sequence = sequence
    self.type = type
    step = view["step"]?.string
    self.json = json
    self.piece = piece
  }

  /// What it takes of memory.
  var bytes: Int { json.count + piece.count }
}

/// Which events a reader wants.
package struct RunEventFilter: Sendable, Hashable {
  /// Types; empty for all.
  package var types: Set<String> = []
  /// Keys of steps; empty for all.
  package var steps: Set<String> = []

  /// All events.
  package init() {}

  /// Those that a query asks for, as the orchestrator reads it.
  package init(_ query: QueryItems) {
    func names(_ name: String) -> Set<String> {
      Set(query.values(of: name).flatMap { $0.split(separator: ",").map(String.init) })
    }
    types = names("type")
    steps = names("step")
  }

  /// Whether every event is wanted.
  package var includesAll: Bool { types.isEmpty && steps.isEmpty }

  /// Whether an event is wanted.
  package func includes(_ event: RunEvent) -> Bool {
    (types.isEmpty || types.contains(event.type)) && (steps.isEmpty || event.step.map { steps.contains($0) } ?? false)
  }
}
