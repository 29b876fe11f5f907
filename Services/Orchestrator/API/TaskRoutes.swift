internal import Contracts
internal import Crypto
internal import Decider
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Postgres
internal import Primitives
internal import Reactor
internal import ServiceKit
internal import Telemetry

/// `/api/v1/tasks`
struct TaskRoutes: Sendable {
  /// Largest task document in bytes.
  private static let bodyBytesMax = 1 << 20
  private static let promptBytesMax = 512 << 10
  private static let pageMax = 100

  let engine: RunEngine
  let token: InternalToken

  func add(to router: inout Router) {
    router.on(.post, "/api/v1/tasks", RouteOptions(bodyBytesMax: TaskRoutes.bodyBytesMax)) { request in
      try await answering { try await submit(request) }
    }
    router.on(.get, "/api/v1/tasks") { request in try await answering { try await list(request) } }
    router.on(.get, "/api/v1/tasks/{id}") { request in try await answering { try await get(request) } }
  }

  // MARK: Submit

  private struct Wish {
    let title: String?
    let workflow: Workflow
    let input: Payload
  }

  private func submit(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try Caller(request, token)
    let wait = try Parameter.waitSeconds(request)
    let key = try idempotencyKey(request)
    let document = try await request.json()
    let wish = try read(document.root)
    let submission = try RunEngine.begin(
      tenant: caller.tenant, title: wish.title, principal: caller.principal, traceparent: request.trace.traceparent,
      workflow: wish.workflow, input: wish.input)
    var accepted = (task: submission.task, run: submission.run)
    if let key {
      accepted = try await submitOnce(submission, key, Digest.sha256(JSONValue(document.root).canonicalBytes()))
    } else {
      try await engine.accept(submission, idempotency: nil)
    }
    return try await answer(caller, accepted, wait: wait)
  }

  private func idempotencyKey(_ request: HTTPRequest) throws(Problem) -> String? {
    guard let key = request.headers[.idempotencyKey] else { return nil }
    guard (1...255).contains(key.utf8.count) else {
      throw .badParameter("Idempotency-Key", "The key must have 1 to 255 bytes.")
    }
    return key
  }

  private func read(_ root: JSONView) throws -> Wish {
    var fields = JSONFields(root)
    let title = fields.string("title", bytesMax: 500)
    let prompt = fields.string("prompt", isRequired: true, bytesMax: TaskRoutes.promptBytesMax)
    let system = fields.string("system", bytesMax: 64 << 10)
    let model = fields.string("model", bytesMax: 200)
    let outputTokensMax = fields.int("max_output_tokens", in: 1...1_000_000)
    let name = fields.string("workflow", bytesMax: 100, allowed: Workflow.builtIn.keys.sorted())
    try fields.finish()
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("prompt", prompt ?? "")
    writer.member("system", ifPresent: system)
    writer.member("model", ifPresent: model)
    writer.member("max_output_tokens", ifPresent: outputTokensMax)
    writer.endObject()
    return Wish(
      title: title, workflow: Workflow.builtIn[name ?? Workflow.single.name] ?? .single, input: Payload(writer.bytes))
  }

  /// Accepts a submission under its key. The same key gives the same task; with another body it is refused.
  private func submitOnce(
    _ submission: Submission, _ key: String, _ digest: [UInt8]
  ) async throws -> (task: TaskID, run: RunID) {
    let row = IdempotencyRow(
      tenant: submission.tenant, key: key, requestSHA256: digest, task: submission.task, run: submission.run)
    do {
      try await engine.accept(submission, idempotency: row)
      return (submission.task, submission.run)
    } catch let error as PostgresError where error.sqlState == "23505" {
      guard let known = try await engine.store.idempotency(submission.tenant, key) else { throw error }
      guard known.requestSHA256 == digest else {
        throw Problem(
          .unprocessableContent, code: "idempotency_key_reused",
          "This Idempotency-Key was used for another request; use a new key for a new task.")
      }
      return (known.task, known.run)
    }
  }

  /// The task as it is, after waiting for its end when the client asked for that.
  private func answer(
    _ caller: Caller, _ accepted: (task: TaskID, run: RunID), wait: Int?
  ) async throws -> HTTPResponse {
    let deadline = MonotonicClock.now() &+ UInt64(wait ?? 0) * 1_000_000_000
    while true {
      let ticket = wait == nil ? nil : engine.hub.ticket(for: accepted.run)
      defer { ticket?.cancel() }
      guard let row = try await engine.store.task(caller.tenant, accepted.task) else { throw Problem.notFound("task") }
      let isEnded = row.status.isEnded
      guard let ticket, !isEnded, MonotonicClock.now() < deadline else {
        var response = TaskDocuments.response(isEnded ? .ok : .accepted, task: row)
        response.headers.append(.location, "/api/v1/tasks/\(row.task)")
        if wait != nil, isEnded { response.headers.append("preference-applied", "wait=\(wait ?? 0)") }
        return response
      }
      try await ticket.wait(until: deadline)
    }
  }

  // MARK: Read

  private func get(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try Caller(request, token)
    let id = try Parameter.id(request, TaskID.self)
    guard let row = try await engine.store.task(caller.tenant, id) else { throw Problem.notFound("task") }
    return TaskDocuments.response(.ok, task: row)
  }

  private func list(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try Caller(request, token)
    let query = try request.query()
    let limit = try Parameter.limit(query, standard: 20, max: TaskRoutes.pageMax)
    var cursor: TaskID?
    if let text = query["cursor"] {
      guard let id = TaskID(text) else {
        throw Problem.badParameter("?cursor", "Use next_cursor of an earlier answer.")
      }
      cursor = id
    }
    let rows = try await engine.store.tasks(caller.tenant, before: cursor, limit: limit + 1)
    return .json { writer in
      writer.key("tasks")
      writer.beginArray()
      for row in rows.prefix(limit) {
        writer.beginObject()
        TaskDocuments.write(task: row, to: &writer)
        writer.endObject()
      }
      writer.endArray()
      writer.member("next_cursor", orNull: rows.count > limit ? rows[limit - 1].task.description : nil)
    }
  }
}
