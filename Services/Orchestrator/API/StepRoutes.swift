internal import APIKit
internal import Contracts
internal import Decider
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Primitives
internal import RunEngine
internal import RunStorage
internal import ServiceKit

/// `/api/v1/runs/{id}/steps` and `/api/v1/steps/{id}`: where steps stand and what they wait for.
struct StepRoutes: Sendable {
  let engine: Engine
  let store: RunStore
  let callers: Authenticator

  func add(to router: inout Router) {
    router.api(.get, "/api/v1/runs/{id}/steps", list)
    router.api(.get, "/api/v1/steps/{id}", get)
  }

  private func list(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try callers.caller(of: request)
    let id = try PathParameter.id(request, RunID.self)
    guard let row = try await store.run(caller.tenant, id),
      let known = try await engine.snapshot(of: id, atLeast: row.version)
    else { throw Problem.notFound("run") }
    let query = try request.query()
    let limit = try QueryParameter.limit(query, standard: 100, max: 1000)
    var start = 0
    if let text = query["cursor"] {
      guard let place = Int(text), place >= 0 else {
        throw Problem.badParameter("?cursor", "Use next_cursor of an earlier answer.")
      }
      start = place
    }
    let steps = known.state.steps.dropFirst(start).prefix(limit)
    return .json { writer in
      writer.objects("steps", steps) { write($0, id, known.state, &$1) }
      let next = start + steps.count
      writer.member("next_cursor", orNull: next < known.state.steps.count ? String(next) : nil)
    }
  }

  private func get(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try callers.caller(of: request)
    let id = try PathParameter.id(request, StepID.self)
    let (run, known, step) = try await engine.step(id, of: caller.tenant, store)
    let place = try await store.place(of: id)
    return .json { writer in
      write(step, run, known.state, &writer)
      writer.key("waiting_for")
      writeWait(step, run, known.state, place, &writer)
    }
  }

  private func write(_ step: RunState.Step, _ run: RunID, _ state: RunState, _ writer: inout JSONWriter) {
    let (agent, model) = state.assignment(of: step)
    writer.member("id", StepID.of(run, step: step.key).description)
    writer.member("run_id", run.description)
    writer.member("key", step.key)
    writer.member("status", step.status.name)
    writer.member("attempt", Int64(step.attempt))
    writer.member("agent", orNull: agent)
    writer.member("model", orNull: model)
    if case .leased(let worker) = step.status { writer.member("worker", worker) }
    if let parent = step.parent { writer.member("part_of", state.steps[parent].key) }
    writer.member("child_run_id", ifPresent: step.child)
    writer.member("output_sha256", orNull: step.output?.sha256)
    writer.key("failure")
    if let failure = step.failure {
      writer.beginObject()
      writer.member("code", failure.code)
      writer.member("message", failure.message)
      writer.endObject()
    } else {
      writer.null()
    }
  }

  private func writeWait(
    _ step: RunState.Step, _ run: RunID, _ state: RunState, _ place: QueuePlace?, _ writer: inout JSONWriter
  ) {
    func wait(_ kind: String, _ more: (inout JSONWriter) -> Void = { _ in }) {
      writer.beginObject()
      writer.member("kind", kind)
      more(&writer)
      writer.endObject()
    }
    let definition = state.definition(of: step)
    switch step.status {
    case .blocked:
      let open = definition.dependsOn.filter { key in
        let full = step.parent.flatMap { step.item == nil ? "\(state.steps[$0].key)/\(key)" : nil } ?? key
        return state.step(full).map { !$0.status.isEnded } ?? false
      }
      if step.item != nil {
        wait("turn") { $0.member("width", Int64(definition.fanOut?.width ?? 0)) }
      } else {
        wait("steps") { $0.member("steps", open) }
      }
    case .ready:
      if state.isPaused { return wait("resume") }
      guard let place else { return wait("orchestrator") }
      if let due = place.dueAt { return wait("time") { $0.member("until", due.description) } }
      if let limit = place.fullLimit {
        return wait(limit.key.hasPrefix("lock:") ? "lock" : "limit") { writer in
          writer.member("key", limit.key)
          writer.member("slots", Int64(limit.slots))
          writer.member("held", Int64(limit.inUse))
        }
      }
      wait("worker") { writer in
        writer.member("job_type", place.jobType)
        writer.member("queued_at", place.queuedAt.description)
      }
    case .waiting:
      switch definition.kind {
      case .delay: wait("time")
      case .signal(let name): wait("signal") { $0.member("name", name) }
      case .approval: wait("approval") { $0.member("id", StepID.of(run, step: step.key).description) }
      case .run: wait("run") { $0.member("run_id", orNull: step.child) }
      case .work: wait("answers") { writeAsks(step, run, state, &$0) }
      case .transform: wait("orchestrator")
      }
    case .expanded:
      let open = step.children.filter { !state.steps[$0].status.isEnded }
      wait("parts") { writer in
        writer.member("open", Int64(open.count))
        writer.member("of", Int64(step.children.count))
      }
    case .leased, .succeeded, .failed, .skipped, .abandoned: writer.null()
    }
  }
}

/// The open questions of a step that waits for people.
private func writeAsks(_ step: RunState.Step, _ run: RunID, _ state: RunState, _ writer: inout JSONWriter) {
  writer.objects("asks", state.questions(of: step).filter { $0.status == .open }) { question, writer in
    writer.member(
      "id", StepID.of(run, step: step.key, attempt: question.attempt, ask: question.ask.key).description)
    writer.member("key", question.ask.key)
    writer.member("kind", question.ask.kind.rawValue)
    writer.member("tool", orNull: question.ask.tool)
    writer.member("subject_sha256", question.ask.subject.sha256)
  }
}

extension Engine {
  /// A step of the tenant by its id, with its run. Throws a 404 `Problem`.
  func step(
    _ id: StepID, of tenant: TenantID, _ store: RunStore
  ) async throws -> (run: RunID, snapshot: RunSnapshot, step: RunState.Step) {
    for (run, version) in try await store.runs(sharing: id, tenant) {
      if let known = try await snapshot(of: run, atLeast: version),
        let step = known.state.steps.first(where: { StepID.of(run, step: $0.key) == id })
      {
        return (run, known, step)
      }
    }
    throw Problem.notFound("step")
  }
}

extension RunState.StepStatus {
  /// The name on the wire.
  var name: String {
    switch self {
    case .blocked: "blocked"
    case .ready: "ready"
    case .leased: "leased"
    case .waiting: "waiting"
    case .expanded: "expanded"
    case .succeeded: "succeeded"
    case .failed: "failed"
    case .skipped: "skipped"
    case .abandoned: "abandoned"
    }
  }
}
