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
internal import StepDispatch
internal import SystemSources
internal import Telemetry

/// `/api/v1/tasks`
struct TaskRoutes: Sendable {
  private static let pageMax = 100

  let engine: Engine
  let store: RunStore
  let submitter: TaskSubmitter
  let callers: Authenticator

  func add(to router: inout Router) {
    router.api(.post, "/api/v1/tasks", submit)
    router.api(.get, "/api/v1/tasks", list)
    router.api(.get, "/api/v1/tasks/{id}", get)
    router.api(.patch, "/api/v1/tasks/{id}", update)
    router.api(.delete, "/api/v1/tasks/{id}", archive)
  }

  // MARK: Submit

  private func submit(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try callers.caller(of: request)
    let wait = try WaitPreference.seconds(request.headers)
    let key = try IdempotencyKey.header(of: request)
    let document = try await request.json(limits: .submitted)
    let task = try TaskRequest(document.root)
    let run = request.headers[InternalHeader.newRun].flatMap { RunID($0) } ?? .make()
    let submission = try await submitter.prepare(
      task, caller.tenant, principal: caller.principal, traceparent: request.trace.traceparent, run: run,
      task: TaskID(run.uuid))
    var accepted = (task: submission.facts.task, run: submission.run)
    // The watch begins before the run can end.
    let watch = wait == nil ? nil : engine.watchers.watch(submission.run, isForEnd: true)
    defer { watch?.cancel() }
    if let key {
      accepted = try await submitOnce(
        submission, IdempotencyKey(key: key, digest: Digest.sha256(document.root.canonicalBytes())))
    } else {
      let accepted = try await engine.accept(submission)
      // Nothing has to be read for who does not wait.
      if wait == nil, let accepted {
        return answer(TaskRow(accepted.submission, accepted.createdAt), isEnded: false, wait: nil)
      }
    }
    let isNew = accepted.run == submission.run
    return try await answer(caller, accepted, wait: wait, first: isNew ? watch : nil)
  }

  /// Accepts a submission under its key. The same key gives the same task; with another body it is refused.
  private func submitOnce(
    _ submission: Submission, _ key: IdempotencyKey
  ) async throws -> (task: TaskID, run: RunID) {
    let facts = submission.facts
    do {
      try await engine.accept(
        submission, idempotency: key.row(facts.tenant, task: facts.task, run: submission.run))
      return (facts.task, submission.run)
    } catch let error as KeyInUse {
      guard let made = try await key.made(store, facts.tenant, "use a new key for a new task") else { throw error }
      return made
    }
  }

  /// The task as it is, after waiting for its end when the client asked for that.
  private func answer(
    _ caller: Caller, _ accepted: (task: TaskID, run: RunID), wait: Int?, first: WaitToken? = nil
  ) async throws -> HTTPResponse {
    let deadline = MonotonicClock.now() &+ UInt64(wait ?? 0) * 1_000_000_000
    // A run that has just begun need not be looked at before it has ended.
    if let first, wait ?? 0 > 0, !engine.watchers.isDraining { try await first.wait(until: deadline) }
    while true {
      let watch = wait == nil ? nil : engine.watchers.watch(accepted.run, isForEnd: true)
      defer { watch?.cancel() }
      guard let row = try await store.task(caller.tenant, accepted.task) else { throw Problem.notFound("task") }
      let isEnded = row.run.status.isEnded
      guard let watch, !isEnded, MonotonicClock.now() < deadline, !engine.watchers.isDraining else {
        return answer(row, isEnded: isEnded, wait: wait)
      }
      try await watch.wait(until: deadline)
    }
  }

  private func answer(_ row: TaskRow, isEnded: Bool, wait: Int?) -> HTTPResponse {
    var response = TaskDocuments.response(isEnded ? .ok : .accepted, task: row, engine.tracing)
    response.headers.append(.location, "/api/v1/tasks/\(row.task)")
    if wait != nil, isEnded { response.headers.append("preference-applied", "wait=\(wait ?? 0)") }
    return response
  }

  // MARK: Read

  private func find(_ request: HTTPRequest) async throws -> (Caller, TaskRow) {
    let caller = try callers.caller(of: request)
    let id = try PathParameter.id(request, TaskID.self)
    guard let row = try await store.task(caller.tenant, id) else { throw Problem.notFound("task") }
    return (caller, row)
  }

  private func get(_ request: HTTPRequest) async throws -> HTTPResponse {
    let (_, row) = try await find(request)
    return TaskDocuments.response(.ok, task: row, engine.tracing)
  }

  private func list(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try callers.caller(of: request)
    let query = try request.query()
    let page = try PageRequest<TaskKind>(query, standard: 20, max: TaskRoutes.pageMax)
    let filter = try RunFilter(query)
    let found = try await store.tasks(caller.tenant, filter, before: page.cursor, limit: page.rows)
    let cut = found.resumeAt.map { TaskID($0).description }
    return .page("tasks", found.rows, limit: page.limit, cut: cut, cursor: { $0.task.description }) {
      TaskDocuments.write(task: $0, engine.tracing, to: &$1)
    }
  }

  // MARK: Change

  /// Changes the description of a task; what it does is fixed by its run.
  private func update(_ request: HTTPRequest) async throws -> HTTPResponse {
    let (caller, row) = try await find(request)
    let expected = try EntityTag.demanded(by: request)
    let root = try await request.json(limits: .submitted).root
    var fields = JSONFields(root)
    var change = TaskChange()
    func isNull(_ name: String) -> Bool { root[name]?.isNull ?? false }
    if let title = fields.string("title", bytesMax: 500) { change.title = .some(title) }
    if isNull("title") { change.title = .some(nil) }
    change.description = fields.string("description", bytesMax: 64 << 10, allowsEmpty: true)
    if let labels = TaskRequest.labels(&fields) {
      var writer = JSONWriter()
      writer.beginArray()
      for label in labels { writer.string(label) }
      writer.endArray()
      change.labels = writer.bytes
    }
    if let assignee = fields.string("assignee", bytesMax: 200) { change.assignee = .some(assignee) }
    if isNull("assignee") { change.assignee = .some(nil) }
    change.priority = fields.int("priority", in: -10...10).map { Int($0) }
    if let due = TaskRequest.time("due_at", &fields) { change.dueAt = .some(due) }
    if isNull("due_at") { change.dueAt = .some(nil) }
    change.isArchived = fields.bool("archived")
    try fields.finish()
    return try await apply(change, caller, row, expected)
  }

  /// Hides a task from the lists; its history stays.
  private func archive(_ request: HTTPRequest) async throws -> HTTPResponse {
    let (caller, row) = try await find(request)
    guard row.run.status.isEnded else {
      throw Problem(.runOpen, "The task is still being worked on; cancel its run first.")
    }
    return try await apply(TaskChange(isArchived: true), caller, row, try EntityTag.demanded(by: request))
  }

  private func apply(
    _ change: TaskChange, _ caller: Caller, _ row: TaskRow, _ expected: Int?
  ) async throws -> HTTPResponse {
    guard try await store.update(caller.tenant, row.task, change, expected: expected) else {
      throw Problem.outdated()
    }
    guard let after = try await store.task(caller.tenant, row.task) else { throw Problem.notFound("task") }
    return TaskDocuments.response(.ok, task: after, engine.tracing)
  }
}
