internal import Synchronization
internal import Telemetry

/// What is counted of the streams of events.
final class RunEventMetrics: Sendable {
  /// How a reader is reached.
  enum Transport: String, Sendable, CaseIterable {
    /// Server-sent events.
    case events = "sse"
    /// WebSocket.
    case webSocket = "websocket"
  }

  private let readers = Atomic<Int>(0)
  private let slow: CounterFamily

  init(_ registry: MetricsRegistry, feeds: @escaping @Sendable () -> Int) {
    slow = registry.counter(
      "cadre_gateway_event_readers_lagged_total",
      help: "Streams of events that were ended because their readers were too slow.", labels: ["transport"])
    registry.observeGauge("cadre_gateway_event_readers", help: "Open streams of events.") { [self] in
      Double(readers.load(ordering: .relaxed))
    }
    registry.observeGauge("cadre_gateway_event_feeds", help: "Runs whose events are read for open streams.") {
      Double(feeds())
    }
  }

  /// A stream has begun.
  func begin() { readers.add(1, ordering: .relaxed) }

  /// A stream has ended.
  func end() { readers.subtract(1, ordering: .relaxed) }

  /// A reader was too slow.
  func lagged(_ transport: Transport) { slow.with(transport.rawValue).add() }
}
