internal import APIKit
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
internal import Workflows

/// `/api/v1/workflows`: documents by name and version. A version never changes; a change is a new one.
struct WorkflowRoutes: Sendable {
  /// Open runs that a report looks at.
  private static let runsMax = 1000
  private static let nameBytesMax = 64

  let engine: Engine
  let store: RunStore
  let workflows: WorkflowStore
  let callers: Authenticator

  func add(to router: inout Router) {
    router.api(.get, "/api/v1/workflows", list)
    router.api(.post, "/api/v1/workflows", create)
    router.api(.post, "/api/v1/workflows/validate", validate)
    router.api(.get, "/api/v1/workflows/{name}", get)
    router.api(.put, "/api/v1/workflows/{name}", put)
    router.api(.delete, "/api/v1/workflows/{name}", remove)
    router.api(.get, "/api/v1/workflows/{name}/versions", versions)
    router.api(.get, "/api/v1/workflows/{name}/versions/{version}", get)
    router.api(.post, "/api/v1/workflows/{name}/compatibility", compatibility)
  }

  // MARK: Read

  private func get(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try callers.caller(of: request)
    let name = try request.parameter("name")
    var version: Int?
    if let text = try? request.parameter("version") {
      guard let number = Int(text), number > 0 else { throw Problem.notFound("workflow version") }
      version = number
    }
    if let row = try await workflows.workflow(caller.tenant, name, version: version) { return document(.ok, row) }
    guard let builtIn = BuiltInWorkflows.all[name], version == nil || version == builtIn.version else {
      throw Problem.notFound("workflow")
    }
    return .json { writer in
      writer.member("name", name)
      writer.member("version", Int64(builtIn.version))
      writer.member("built_in", true)
      writer.key("document")
      WorkflowDocument.write(builtIn, to: &writer)
    }
  }

  private func document(_ status: HTTPStatus, _ row: WorkflowRow) -> HTTPResponse {
    var response = HTTPResponse.json(status) { write(row, withDocument: true, to: &$0) }
    response.setVersion(row.version)
    return response
  }

  private func write(_ row: WorkflowRow, withDocument: Bool, to writer: inout JSONWriter) {
    writer.member("name", row.name)
    writer.member("version", Int64(row.version))
    writer.member("built_in", false)
    writer.member("created_at", row.createdAt.description)
    writer.member("created_by", row.createdBy)
    if withDocument { writer.member("document", raw: row.document) }
  }

  private func list(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try callers.caller(of: request)
    let query = try request.query()
    let limit = try QueryParameter.limit(query, standard: 50, max: 200)
    let cursor = query["cursor"]
    guard cursor.map({ WorkflowDocument.isName($0) }) ?? true else {
      throw Problem.badParameter("?cursor", "Use next_cursor of an earlier answer.")
    }
    let rows = try await workflows.newest(caller.tenant, after: cursor ?? "", limit: limit + 1)
    return .json { writer in
      writer.key("workflows")
      writer.beginArray()
      writer.appendObjects(rows.prefix(limit)) { write($0, withDocument: false, to: &$1) }
      if cursor == nil {
        writer.appendObjects(BuiltInWorkflows.all.sorted { $0.key < $1.key }) { entry, writer in
          writer.member("name", entry.key)
          writer.member("version", Int64(entry.value.version))
          writer.member("built_in", true)
        }
      }
      writer.endArray()
      writer.member("next_cursor", orNull: rows.count > limit ? rows[limit - 1].name : nil)
    }
  }

  private func versions(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try callers.caller(of: request)
    let rows = try await workflows.versions(caller.tenant, try request.parameter("name"), limit: 1000)
    guard !rows.isEmpty else { throw Problem.notFound("workflow") }
    return .json { writer in
      writer.objects("versions", rows) { write($0, withDocument: false, to: &$1) }
    }
  }

  // MARK: Write

  private func read(_ request: HTTPRequest) async throws -> (workflow: Workflow, bytes: [UInt8]) {
    let document = try await request.json(limits: .submitted)
    let workflow = try WorkflowDocument.read(document.root, version: 1, isNew: true)
    guard BuiltInWorkflows.all[workflow.name] == nil else {
      throw Problem(.builtIn, "The workflow \(workflow.name) is built in; choose another name.")
    }
    return (workflow, Array(document.root.rawBytes))
  }

  private func validate(_ request: HTTPRequest) async throws -> HTTPResponse {
    _ = try callers.caller(of: request)
    let (workflow, _) = try await read(request)
    return .json { writer in
      writer.member("valid", true)
      writer.member("steps", Int64(workflow.steps.count))
    }
  }

  private func create(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try callers.caller(of: request)
    let (workflow, bytes) = try await read(request)
    guard try await workflows.workflow(caller.tenant, workflow.name, version: nil) == nil else {
      throw Problem(.exists, "There is a workflow \(workflow.name); PUT it to add a version.")
    }
    return try await add(caller, workflow.name, bytes, expected: 0, .created)
  }

  private func put(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try callers.caller(of: request)
    let name = try request.parameter("name")
    let expected = try EntityTag.demanded(by: request)
    let (workflow, bytes) = try await read(request)
    guard workflow.name == name else {
      throw Problem(.nameDiffers, "The document names the workflow \(workflow.name).")
    }
    if let newest = try await workflows.workflow(caller.tenant, name, version: nil), newest.document == bytes {
      return document(.ok, newest)
    }
    return try await add(caller, name, bytes, expected: expected, .created)
  }

  private func add(
    _ caller: Caller, _ name: String, _ bytes: [UInt8], expected: Int?, _ status: HTTPStatus
  ) async throws -> HTTPResponse {
    guard
      let version = try await workflows.add(caller.tenant, name, bytes, by: caller.principal, expected: expected),
      let row = try await workflows.workflow(caller.tenant, name, version: version)
    else { throw Problem.outdated() }
    engine.catalog.changed(caller.tenant, name)
    var response = document(status, row)
    response.headers.append(.location, "/api/v1/workflows/\(name)/versions/\(version)")
    return response
  }

  private func remove(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try callers.caller(of: request)
    let name = try request.parameter("name")
    guard let isGone = try await workflows.remove(caller.tenant, name) else { throw Problem.notFound("workflow") }
    engine.catalog.changed(caller.tenant, name)
    guard isGone else {
      throw Problem(.inUse, "Runs have used this workflow; their histories need it. It stays as it is.")
    }
    return HTTPResponse(.noContent)
  }

  // MARK: Compatibility

  /// Which open runs would decide differently if they were moved to this document. They are not: a run keeps the
  /// version that it began with.
  private func compatibility(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try callers.caller(of: request)
    let name = try request.parameter("name")
    guard WorkflowDocument.isName(name), name.utf8.count <= WorkflowRoutes.nameBytesMax else {
      throw Problem.notFound("workflow")
    }
    let (workflow, _) = try await read(request)
    let open = try await workflows.openRuns(caller.tenant, name, limit: WorkflowRoutes.runsMax + 1)
    var broken: [(run: RunID, version: Int, sequence: Int, reason: String)] = []
    for (run, version) in open.prefix(WorkflowRoutes.runsMax) {
      let history = try await store.history(run)
      let changed = Workflow(
        name: name, version: version, steps: workflow.steps, resultStep: workflow.resultStep,
        timeoutMilliseconds: workflow.timeoutMilliseconds)
      let report = try await BlockingPool.shared.run { HistoryReplay.verify(history, with: changed) }
      guard case .diverged(let divergence) = report.verdict else { continue }
      let recorded = divergence.recorded.map { "\($0.type) \($0.step ?? "")" } ?? "nothing more"
      let replayed =
        divergence.replayed.map { "\($0.type) \($0.step ?? "")" } ?? divergence.refusal?.rawValue ?? "nothing more"
      broken.append((run, version, divergence.sequence, "The history has \(recorded), the document gives \(replayed)."))
    }
    return .json { writer in
      writer.member("open_runs", Int64(min(open.count, WorkflowRoutes.runsMax)))
      writer.member("more", open.count > WorkflowRoutes.runsMax)
      writer.objects("would_break", broken) { entry, writer in
        writer.member("run_id", entry.run.description)
        writer.member("version", Int64(entry.version))
        writer.member("seq", Int64(entry.sequence))
        writer.member("reason", entry.reason)
      }
    }
  }
}
