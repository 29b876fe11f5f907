internal import Contracts
package import GatewayForwarding
package import GatewayRequests
package import HTTP
internal import HTTPWire
internal import JSON
internal import Reactor
internal import Synchronization
package import Telemetry

/// `GET /api/v1/runs/{id}/events` as a stream: server-sent events or WebSocket. Readers of a run share one stream
/// of the orchestrator, so that it has as much to do for thousands of them as for one.
package struct RunEventStreams: Sendable {
  /// The declared address.
  package static let address = "GET /api/v1/runs/{id}/events"
  private static let heartbeat = Duration.seconds(15)
  /// Clients have nothing to say.
  private static let messageBytesMax = 4096
  /// Try again later (RFC 6455, registry of close codes).
  private static let closeTryAgain: UInt16 = 1013

  private let orchestrator: Upstream
  private let feeds: RunFeeds
  private let metrics: RunEventMetrics

  /// Makes the streams.
  package init(orchestrator: Upstream, telemetry: Telemetry) {
    self.orchestrator = orchestrator
    let feeds = RunFeeds(orchestrator: orchestrator)
    self.feeds = feeds
    metrics = RunEventMetrics(telemetry.registry) { feeds.count }
  }

  /// Answers a request for a stream; `nil` for what is answered as it was before: pages of JSON, and streams that are
  /// restricted to agents, which only the orchestrator can tell apart.
  package func answer(_ request: HTTPRequest, _ identity: Identity) async throws -> HTTPResponse? {
    let isWebSocket = request.headers[.upgrade] != nil
    guard isWebSocket || request.headers[.accept]?.contains("text/event-stream") ?? false else { return nil }
    let query = try request.query()
    guard query["agent"] == nil || isWebSocket, let caller = identity.caller else { return nil }
    guard query["agent"] == nil else {
      throw Problem.badParameter("?agent", "A stream of WebSocket is not restricted to agents.")
    }
    guard let run = request.parameters["id"].flatMap({ RunID($0) }) else { throw Problem.notFound("run") }
    if isWebSocket { try RunEventStreams.checkOrigin(request, identity) }
    let after = try RunEventStreams.sequence(request.headers[.lastEventID] ?? query["after"])
    let reader = RunEventReader(
      feeds: feeds, orchestrator: orchestrator, run: run, caller: caller, trace: request.trace,
      filter: RunEventFilter(query))
    let first: RunEventReader.FirstPage
    do { first = .init(try await reader.page(after: after)) } catch let refusal as RunEventReader.Refusal {
      return refusal.answer
    }
    return isWebSocket ? try webSocket(request, reader, first, after) : events(reader, first, after)
  }

  /// A page of another site could open a stream with the cookies of a browser: only its own may.
  private static func checkOrigin(_ request: HTTPRequest, _ identity: Identity) throws(Problem) {
    guard identity.kind == .session, let origin = request.headers["origin"] else { return }
    let host = request.headers[.host] ?? ""
    guard !host.isEmpty, origin == "https://\(host)" || origin == "http://\(host)" else {
      throw Problem(.originRefused)
    }
  }

  private static func sequence(_ text: String?) throws(Problem) -> Int64 {
    guard let text else { return 0 }
    guard let value = Int64(text), (0...Int64(Int32.max)).contains(value) else {
      throw .badParameter("Last-Event-ID", "The sequence number of an event is expected.")
    }
    return value
  }

  // MARK: Server-sent events

  private func events(_ reader: RunEventReader, _ first: RunEventReader.FirstPage, _ after: Int64) -> HTTPResponse {
    .events(heartbeat: RunEventStreams.heartbeat) { [metrics] writer in
      metrics.begin()
      defer { metrics.end() }
      // The writer is lent to this closure, so the events are sent from here and gathered there.
      let end = try await reader.follow(first, after: after, outlet: writer.outlet) { event in
        try await writer.write(event.piece)
      }
      if case .lagged(let position) = end {
        metrics.lagged(.events)
        try await writer.send(ServerSentEvent(event: "lagged", data: RunEventStreams.lagged(position)))
      }
    }
  }

  private static func lagged(_ position: Int64) -> [UInt8] { Array("{\"after\":\(position)}".utf8) }

  // MARK: WebSocket

  private func webSocket(
    _ request: HTTPRequest, _ reader: RunEventReader, _ first: RunEventReader.FirstPage, _ after: Int64
  ) throws(Problem) -> HTTPResponse {
    try .webSocket(for: request, messageBytesMax: RunEventStreams.messageBytesMax) { [metrics] socket in
      metrics.begin()
      defer { metrics.end() }
      try await withThrowingTaskGroup(of: Void.self) { group in
        // What a client sends is not looked at; its close is.
        group.addTask { while try await socket.receive() != nil {} }
        group.addTask {
          while true {
            try await EventLoop.sleep(for: RunEventStreams.heartbeat)
            try await socket.ping()
          }
        }
        group.addTask {
          let end = try await reader.follow(first, after: after, outlet: nil) { event in
            try await socket.send(text: event.json)
          }
          guard case .ended = end else {
            if case .lagged(let position) = end {
              metrics.lagged(.webSocket)
              try await socket.send(text: Array("{\"type\":\"lagged\",\"after\":\(position)}".utf8))
            }
            return socket.close(code: RunEventStreams.closeTryAgain)
          }
          socket.close()
        }
        // The first that ends ends all.
        defer { group.cancelAll() }
        try await group.next()
      }
    }
  }
}
