internal import APIKit
internal import Contracts
internal import Crypto
internal import Decider
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Primitives
internal import Reactor
internal import RunEngine
internal import RunStorage
internal import ServiceKit
internal import SystemSources
internal import Workflows

/// `/api/v1/runs`: what runs are and what is done to them.
struct RunRoutes: Sendable {
  private static let pageMax = 100
  private static let signalBytesMax = 1 << 20
  /// Runs of one bulk request.
  private static let bulkMax = 1000
  private static let cancelledStatuses = ["pending", "running", "paused"]

  let engine: Engine
  let store: RunStore
  let callers: Authenticator

  func add(to router: inout Router) {
    router.api(.get, "/api/v1/runs", list)
    router.api(.get, "/api/v1/runs/{id}", get)
    router.api(.post, "/api/v1/runs/{id}/cancel") { request in
      let (caller, row) = try await find(request)
      let reason = try await reason(request)
      return try await change(caller, row, .cancel(by: caller.principal, reason: reason))
    }
    router.api(.post, "/api/v1/runs/{id}/pause") { request in
      let (caller, row) = try await find(request)
      return try await change(caller, row, .pause(by: caller.principal))
    }
    router.api(.post, "/api/v1/runs/{id}/resume") { request in
      let (caller, row) = try await find(request)
      return try await change(caller, row, .resume(by: caller.principal))
    }
    router.api(.post, "/api/v1/runs/{id}/signals", signal)
    router.api(.post, "/api/v1/runs/bulk-cancel", bulkCancel)
  }

  private func find(_ request: HTTPRequest) async throws -> (Caller, RunRow) {
    let caller = try callers.caller(of: request)
    let id = try PathParameter.id(request, RunID.self)
    guard let row = try await store.run(caller.tenant, id) else { throw Problem.notFound("run") }
    return (caller, row)
  }

  private func get(_ request: HTTPRequest) async throws -> HTTPResponse {
    let (_, row) = try await find(request)
    return .json { TaskDocuments.write(run: row, engine.tracing, to: &$0) }
  }

  private func list(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try callers.caller(of: request)
    let query = try request.query()
    let page = try PageRequest<RunKind>(query, standard: 20, max: RunRoutes.pageMax)
    let found = try await store.runs(
      caller.tenant, try RunFilter(query), before: page.cursor, limit: page.rows)
    let cut = found.resumeAt.map { RunID($0).description }
    return .page("runs", found.rows, limit: page.limit, cut: cut, cursor: { $0.id.description }) {
      TaskDocuments.write(run: $0, engine.tracing, to: &$1)
    }
  }

  // MARK: Changes

  private func change(_ caller: Caller, _ row: RunRow, _ input: RunInput) async throws -> HTTPResponse {
    try await engine.apply(input, to: row.id)
    guard let after = try await store.run(caller.tenant, row.id) else { throw Problem.notFound("run") }
    return .json { TaskDocuments.write(run: after, engine.tracing, to: &$0) }
  }

  private func reason(_ request: HTTPRequest) async throws -> String {
    let body = try await request.body.collect()
    guard !body.isEmpty else { return "" }
    let document: JSONDocument
    do { document = try JSONDocument(parsing: body) } catch { throw Problem(error) }
    var fields = JSONFields(document.root)
    let reason = fields.string("reason", bytesMax: 1000, allowsEmpty: true)
    try fields.finish()
    return reason ?? ""
  }

  /// Hands data to the step that waits for a signal of that name, now or later. The same `id` again changes nothing;
  /// without one, the Idempotency-Key gives it.
  private func signal(_ request: HTTPRequest) async throws -> HTTPResponse {
    let (caller, row) = try await find(request)
    var fields = JSONFields(try await request.json(limits: .submitted).root)
    let name = fields.string("name", isRequired: true, bytesMax: 64) ?? ""
    let key = try IdempotencyKey.header(of: request)
    let ownID = fields.string("id", bytesMax: 200)
    let id =
      ownID ?? key.map { "key:" + Hex.encode(Digest.sha256(Array($0.utf8))) }
      ?? UUID.version7().description
    let data = fields.value("data").map { Array($0.rawBytes) } ?? Array("null".utf8)
    try fields.finish()
    guard let workflow = try await engine.workflow(of: row.id) else { throw ChangeRefusal.workflowGone }
    let payload = Payload(data)
    let root = try JSONDocument(parsing: data).root
    let waiting = workflow.workflow.steps.filter { $0.kind == .signal(name: name) }
    let facts = waiting.flatMap { workflow.watched.facts(output: root, of: $0.key) }
    var isRepeated = false
    do {
      try await engine.apply(
        .signal(name: name, id: id, payload: payload.ref, by: caller.principal, facts: facts), to: row.id,
        payloads: [payload])
    } catch ChangeRefusal.byDecider(.repeatedSignal) {
      isRepeated = true
    } catch ChangeRefusal.byDecider(.signalDiffers) {
      // The id of an event is taken at its word; a key belongs to one request.
      if ownID == nil { try await requireSame(caller, row, id, name, root) }
      isRepeated = true
    }
    return .json(.accepted) { writer in
      writer.member("id", id)
      writer.member("repeated", isRepeated)
    }
  }

  /// Throws a 422 `Problem` when the signal that was received under the id is another one: what differs may also be the
  /// way in which the same document is written.
  private func requireSame(
    _ caller: Caller, _ row: RunRow, _ id: String, _ name: String, _ data: JSONView
  ) async throws {
    let known = try await engine.snapshot(of: row.id, atLeast: 0)?.state.receivedSignal(id)
    if let known, known.name == name,
      let body = try await store.payloads(caller.tenant, [known.payload])[known.payload.sha256],
      let document = try? JSONDocument(parsing: body),
      document.root.canonicalBytes() == data.canonicalBytes()
    {
      return
    }
    throw Problem(
      .idempotencyKeyReused, "This Idempotency-Key was used for another signal; use a new key for a new one.")
  }

  /// Cancels all open runs that fit, up to a thousand in one request. `cancelled` have ended, `compensating` undo what
  /// they did before, `failed` could not be cancelled now; `remaining` says whether any that fits is still open.
  private func bulkCancel(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try callers.caller(of: request)
    var fields = JSONFields(try await request.json(limits: .submitted).root)
    var filter = RunFilter()
    filter.workflow = fields.string("workflow", bytesMax: 64)
    filter.status = fields.string("status", bytesMax: 20, allowed: ["pending", "running", "paused", "compensating"])
    if let text = fields.string("project_id", bytesMax: 64) {
      filter.project = ProjectID(text)
      if filter.project == nil { fields.note("project_id", .malformed, "The id of a project is expected.") }
    }
    let isAll = fields.bool("all") ?? false
    let reason = fields.string("reason", bytesMax: 1000, allowsEmpty: true) ?? ""
    if !isAll, filter.workflow == nil, filter.status == nil, filter.project == nil {
      fields.note("all", .required, "Name a workflow, status or project_id, or say \"all\": true.")
    }
    try fields.finish()
    // Those that are undoing what they did have been cancelled or have failed; a request has to name that status
    // to end them at once.
    let runs = try await store.openRuns(
      caller.tenant, filter, statuses: RunRoutes.cancelledStatuses, after: nil, limit: RunRoutes.bulkMax)
    let forces = filter.status == RunState.Status.compensating.rawValue
    let changes = runs.map { run in
      RunChange(run: run, inputs: [.cancel(by: caller.principal, reason: reason, forces: forces)])
    }
    var (cancelled, undoing, failed) = (0, 0, 0)
    for result in try await engine.apply(all: changes) {
      switch result {
      case .success(let after): if after.status == .cancelled { cancelled += 1 } else { undoing += 1 }
      // It has ended meanwhile.
      case .failure(ChangeRefusal.byDecider), .failure(ChangeRefusal.unknownRun): break
      case .failure: failed += 1
      }
    }
    let open = try await store.openRuns(caller.tenant, filter, after: nil, limit: 1)
    return .json { [cancelled, undoing, failed] writer in
      writer.member("cancelled", Int64(cancelled))
      writer.member("compensating", Int64(undoing))
      writer.member("failed", Int64(failed))
      writer.member("remaining", !open.isEmpty)
    }
  }
}
