internal import APIKit
internal import Artefacts
internal import Contracts
internal import Decider
internal import HTTP
internal import HTTPWire
internal import History
internal import JSON
internal import Primitives
internal import Reactor
internal import RunEngine
internal import RunStorage
internal import ServiceKit
internal import StepDispatch
internal import SystemSources
internal import Telemetry
internal import Workflows

/// `/api/v1/runs/{id}/...`: histories, and what is made of them.
struct HistoryRoutes: Sendable {
  private static let pageMax = 1000
  private static let changesMax = 50

  let engine: Engine
  let store: RunStore
  let workspace: OrchestratorWorkspace
  let callers: Authenticator

  func add(to router: inout Router) {
    router.api(.get, "/api/v1/runs/{id}/events", events)
    router.api(.get, "/api/v1/runs/{id}/result", result)
    router.api(.get, "/api/v1/runs/{id}/bundle", bundle)
    router.api(.post, "/api/v1/runs/{id}/replay", replay)
    router.api(.post, "/api/v1/runs/{id}/retry") { request in try await fork(request, isRetry: true) }
    router.api(.post, "/api/v1/runs/{id}/fork") { request in try await fork(request, isRetry: false) }
  }

  private func find(_ request: HTTPRequest) async throws -> (Caller, RunRow) {
    let caller = try callers.caller(of: request)
    let id = try PathParameter.id(request, RunID.self)
    guard let row = try await store.run(caller.tenant, id) else { throw Problem.notFound("run") }
    return (caller, row)
  }

  /// The output of the run as it is; 409 before its end or when it has none.
  private func result(_ request: HTTPRequest) async throws -> HTTPResponse {
    let (_, row) = try await find(request)
    guard row.status.isEnded else {
      throw Problem(.runOpen, "The run has not ended; wait for it with its events.")
    }
    guard let output = row.output else {
      throw Problem(.noResult, "The run \(row.status.rawValue) without a result.")
    }
    return .json(.ok, output)
  }

  // MARK: Events

  /// Which events of a history are returned.
  private struct EventFilter: Sendable {
    let types: Set<String>
    let steps: Set<String>
    let agents: Set<String>

    init(_ query: QueryItems) {
      func names(_ name: String) -> Set<String> {
        Set(query.values(of: name).flatMap { $0.split(separator: ",").map(String.init) })
      }
      types = names("type")
      steps = names("step")
      agents = names("agent")
    }

    /// `state` has the agents of steps; it is needed only when agents are asked for.
    func includes(_ row: EventRow, _ state: RunState?) -> Bool {
      guard types.isEmpty || types.contains(row.type) else { return false }
      guard steps.isEmpty || row.step.map({ steps.contains($0) }) ?? false else { return false }
      guard !agents.isEmpty else { return true }
      guard let state, let step = row.step.flatMap({ state.step($0) }) else { return false }
      return state.assignment(of: step).agent.map { agents.contains($0) } ?? false
    }
  }

  /// The history: a page of JSON, or a live stream that ends with the run and can be resumed by `Last-Event-ID`.
  private func events(_ request: HTTPRequest) async throws -> HTTPResponse {
    let (_, row) = try await find(request)
    let query = try request.query()
    let after = try sequence(request.headers[.lastEventID] ?? query["after"])
    let filter = EventFilter(query)
    let wantsStream = request.headers[.accept]?.contains("text/event-stream") ?? false
    if wantsStream { return stream(row.id, after: after, filter) }
    let limit = try QueryParameter.limit(query, standard: 100, max: HistoryRoutes.pageMax)
    let page = try await store.eventsOrArchived(row.id, after: after, limit: limit)
    let state = filter.agents.isEmpty ? nil : try await engine.snapshot(of: row.id, atLeast: row.version)?.state
    return .json { writer in
      writer.objects("events", page.events.lazy.filter { filter.includes($0, state) }) {
        TaskDocuments.write(event: $0, of: row.id, to: &$1)
      }
      writer.key("next_after")
      if !page.isLast, let last = page.events.last { writer.int(Int64(last.sequence)) } else { writer.null() }
    }
  }

  private func sequence(_ text: String?) throws(Problem) -> Int {
    guard let text else { return 0 }
    guard let value = Int(text), (0...Int(Int32.max)).contains(value) else {
      throw .badParameter("Last-Event-ID", "The sequence number of an event is expected.")
    }
    return value
  }

  private func stream(_ run: RunID, after start: Int, _ filter: EventFilter) -> HTTPResponse {
    .events { [engine, store] stream in
      var sequence = start
      while true {
        let watch = engine.watchers.watch(run)
        defer { watch.cancel() }
        let page = try await store.eventsOrArchived(run, after: sequence, limit: HistoryRoutes.pageMax)
        let seen = page.events.last?.sequence ?? 0
        let state =
          filter.agents.isEmpty || page.events.isEmpty ? nil : try await engine.snapshot(of: run, atLeast: seen)?.state
        for event in page.events {
          sequence = event.sequence
          guard filter.includes(event, state) else { continue }
          var writer = JSONWriter()
          writer.beginObject()
          TaskDocuments.write(event: event, of: run, to: &writer)
          writer.endObject()
          try await stream.send(
            ServerSentEvent(id: String(event.sequence), event: event.type, data: writer.bytes))
        }
        if let last = page.events.last, ["run.succeeded", "run.failed", "run.cancelled"].contains(last.type) { return }
        if !page.isLast { continue }
        // A stream that was resumed behind the last event has nothing to wait for.
        if page.events.isEmpty, let end = try await store.end(of: run), end.status.isEnded {
          if try await store.eventsOrArchived(run, after: sequence, limit: 1).events.isEmpty { return }
          continue
        }
        // A reader resumes elsewhere behind the last event that it has seen.
        if engine.watchers.isDraining { return }
        try await watch.wait(until: .max)
      }
    }
  }

  // MARK: Replay

  private func workflow(of row: RunRow, _ tenant: TenantID) async throws -> Workflow {
    guard let workflow = try await engine.catalog.find(tenant, row.workflow, version: row.workflowVersion) else {
      throw Problem(.unknownWorkflow, "The workflow of the run is not there any more.", status: .conflict)
    }
    return workflow.workflow
  }

  /// Folds the history again and compares every decision, what is stored of the run, and the payloads.
  private func replay(_ request: HTTPRequest) async throws -> HTTPResponse {
    let (caller, row) = try await find(request)
    let workflow = try await workflow(of: row, caller.tenant)
    let history = try await store.history(row.id)
    let payloads = RunPayloads(store, caller.tenant)
    let missing = try await payloads.missing(of: history)
    let factFault = try await payloads.factFault(of: history, row.id, workflow)
    let report = try await BlockingPool.shared.run {
      let replay = HistoryReplay.verify(history, with: workflow)
      let state = replay.state
      let stored =
        state.status.rawValue == row.status.rawValue && state.usage == row.usage && state.sequence == row.version
      return ReplayReport(
        run: row.id.description, history: history, replay: replay,
        checks: [
          .init(
            "stored_state",
            fault: stored || !row.status.isEnded
              ? nil
              : "The run is stored as \(row.status.rawValue) at version \(row.version), its history says \(state.status.rawValue) at \(state.sequence)."
          ),
          .init("payloads", fault: missing.isEmpty ? nil : "Missing: \(missing.prefix(5).joined(separator: ", "))."),
          .init("facts", fault: factFault),
        ])
    }
    engine.metrics.replayed(isConsistent: report.isConsistent)
    return .json { report.write(to: &$0) }
  }

  /// The run as one file, for `cadre replay` and for keeping; read and sent in portions.
  private func bundle(_ request: HTTPRequest) async throws -> HTTPResponse {
    let (caller, row) = try await find(request)
    let workflow = try await workflow(of: row, caller.tenant)
    let payloads = RunPayloads(store, caller.tenant)
    var response = HTTPResponse(
      .ok,
      body: .stream(length: nil) { writer in
        try await payloads.writeBundle(of: row, workflow) { try await writer.write($0) }
      })
    response.headers.append(.contentType, "application/json")
    response.headers.append("content-disposition", "attachment; filename=\"\(row.id).json\"")
    return response
  }

  // MARK: Forks

  private func fork(_ request: HTTPRequest, isRetry: Bool) async throws -> HTTPResponse {
    let (caller, row) = try await find(request)
    var place = RunForks.Place.beforeTheEnd
    let body = try await request.body.collect()
    var changes: [StepChange] = []
    var sent: JSONDocument?
    if !body.isEmpty || !isRetry {
      let document: JSONDocument
      do { document = try JSONDocument(parsing: body) } catch { throw Problem(error) }
      sent = document
      var fields = JSONFields(document.root)
      if !isRetry {
        let step = fields.string("from_step", bytesMax: 200)
        let sequence = fields.int("at_seq", in: 1...Int64(Int32.max))
        switch (step, sequence) {
        case (let step?, nil): place = .step(step)
        case (nil, let sequence?): place = .event(Int(sequence))
        default: fields.note("from_step", .required, "Exactly one of from_step and at_seq is expected.")
        }
      }
      changes = self.changes(&fields)
      try fields.finish()
    }
    let once = try IdempotencyKey(request, document: sent)
    engine.tracing.link(request.span, to: row)
    let run: RunID
    if let made = try await once?.made(store, caller.tenant) {
      run = made.run
    } else {
      do {
        let new = RunID.make()
        // What the steps that are taken over have written is there before the first of the others begins.
        try await workspace.artefacts.copy(from: row.id, to: new, caller.tenant, limits: workspace.artefactLimits)
        run = try await RunForks(engine: engine, store: store).fork(
          row, caller.tenant, as: new, at: place, changes: changes, by: caller.principal,
          traceparent: request.trace.traceparent, once: once)
      } catch let error as KeyInUse {
        // The same request came twice at a time.
        guard let made = try await once?.made(store, caller.tenant) else { throw error }
        run = made.run
      }
    }
    guard let after = try await store.run(caller.tenant, run) else { throw Problem.notFound("run") }
    var response = HTTPResponse.json(.created) { TaskDocuments.write(run: after, engine.tracing, to: &$0) }
    response.headers.append(.location, "/api/v1/runs/\(run)")
    return response
  }

  private func changes(_ fields: inout JSONFields) -> [StepChange] {
    var changes: [StepChange] = []
    for (index, view) in (fields.array("changes", countMax: HistoryRoutes.changesMax) ?? []).enumerated() {
      var nested = JSONFields(view, path: "/changes/\(index)")
      let step = nested.string("step", isRequired: true, bytesMax: 200) ?? ""
      let agent = nested.string("agent", bytesMax: 100)
      let model = nested.string("model", bytesMax: 200)
      var input: String?
      if let template = nested.value("input") {
        do {
          _ = try Template(template)
          let text = String(decoding: template.rawBytes, as: UTF8.self)
          if JSONEscapes.containNull(template.rawBytes) {
            nested.note("input", .malformed, "The input must not contain U+0000.")
          }
          input = text
        } catch { nested.note("input", .malformed, error.description) }
      }
      do { try nested.finish() } catch { for fault in error.faults { fields.note(at: fault) } }
      changes.append(StepChange(step: step, agent: agent, model: model, input: input))
    }
    return changes
  }
}
