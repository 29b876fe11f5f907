internal import Contracts
internal import Decider
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Primitives
internal import Reactor
internal import ServiceKit

/// `/api/v1/runs`
struct RunRoutes: Sendable {
  private static let pageMax = 1000

  let engine: RunEngine
  let token: InternalToken

  func add(to router: inout Router) {
    router.on(.get, "/api/v1/runs/{id}") { request in try await answering { try await get(request) } }
    router.on(.get, "/api/v1/runs/{id}/events", RouteOptions(cancelsOnDisconnect: true)) { request in
      try await answering { try await events(request) }
    }
    router.on(.post, "/api/v1/runs/{id}/cancel", RouteOptions(bodyBytesMax: 4096)) { request in
      try await answering { try await cancel(request) }
    }
  }

  private func find(_ request: HTTPRequest) async throws -> (Caller, RunRow) {
    let caller = try Caller(request, token)
    let id = try Parameter.id(request, RunID.self)
    guard let row = try await engine.store.run(caller.tenant, id) else { throw Problem.notFound("run") }
    return (caller, row)
  }

  private func get(_ request: HTTPRequest) async throws -> HTTPResponse {
    let (_, row) = try await find(request)
    return .json { TaskDocuments.write(run: row, to: &$0) }
  }

  private func cancel(_ request: HTTPRequest) async throws -> HTTPResponse {
    let (caller, row) = try await find(request)
    var reason: String?
    let body = try await request.body.collect()
    if !body.isEmpty {
      let document: JSONDocument
      do { document = try JSONDocument(parsing: body) } catch { throw Problem(error) }
      var fields = JSONFields(document.root)
      reason = fields.string("reason", bytesMax: 1000, allowsEmpty: true)
      try fields.finish()
    }
    try await engine.apply(.cancel(by: caller.principal, reason: reason ?? ""), to: row.id)
    guard let after = try await engine.store.run(caller.tenant, row.id) else { throw Problem.notFound("run") }
    return .json { TaskDocuments.write(run: after, to: &$0) }
  }

  // MARK: Events

  /// The history: a page of JSON, or a live stream that ends with the run and can be resumed by `Last-Event-ID`.
  private func events(_ request: HTTPRequest) async throws -> HTTPResponse {
    let (_, row) = try await find(request)
    let query = try request.query()
    let after = try sequence(request.headers[.lastEventID] ?? query["after"])
    let wantsStream = request.headers[.accept]?.contains("text/event-stream") ?? false
    if wantsStream { return stream(row.id, after: after) }
    let limit = try Parameter.limit(query, standard: 100, max: RunRoutes.pageMax)
    let page = try await engine.store.events(row.id, after: after, limit: limit)
    return .json { writer in
      writer.key("events")
      writer.beginArray()
      for event in page {
        writer.beginObject()
        TaskDocuments.write(event: event, of: row.id, to: &writer)
        writer.endObject()
      }
      writer.endArray()
      writer.key("next_after")
      if page.count == limit, let last = page.last { writer.int(Int64(last.sequence)) } else { writer.null() }
    }
  }

  private func sequence(_ text: String?) throws(Problem) -> Int {
    guard let text else { return 0 }
    guard let value = Int(text), (0...Int(Int32.max)).contains(value) else {
      throw .badParameter("Last-Event-ID", "The sequence number of an event is expected.")
    }
    return value
  }

  private func stream(_ run: RunID, after start: Int) -> HTTPResponse {
    .events { [engine] stream in
      var sequence = start
      while true {
        let ticket = engine.hub.ticket(for: run)
        defer { ticket.cancel() }
        let page = try await engine.store.events(run, after: sequence, limit: RunRoutes.pageMax)
        for event in page {
          var writer = JSONWriter()
          writer.beginObject()
          TaskDocuments.write(event: event, of: run, to: &writer)
          writer.endObject()
          try await stream.send(
            ServerSentEvent(id: String(event.sequence), event: event.type, data: writer.bytes))
          sequence = event.sequence
        }
        if let last = page.last, ["run.succeeded", "run.failed", "run.cancelled"].contains(last.type) { return }
        if page.count == RunRoutes.pageMax { continue }
        // A stream that was resumed behind the last event has nothing to wait for.
        if page.isEmpty, let state = try await engine.look(run)?.state, state.status.isEnded {
          if state.sequence <= sequence { return }
          continue
        }
        try await ticket.wait(until: .max)
      }
    }
  }
}
