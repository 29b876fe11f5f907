internal import APIKit
internal import Contracts
internal import Cron
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Primitives
internal import RunEngine
internal import RunStorage
internal import Schedules
internal import ServiceKit

/// `/api/v1/schedules`: tasks that are submitted by the clock.
struct ScheduleRoutes: Sendable {
  private static let catchUpMillisecondsMax: Int64 = 30 * 86_400_000
  private static let shownTimes = 3
  private static let previewedTimes = 5

  private static let updatesMax = 3

  let schedules: ScheduleStore
  let zones: TimeZoneStore
  let service: ScheduleService
  let callers: Authenticator

  func add(to router: inout Router) {
    router.api(.get, "/api/v1/schedules", list)
    router.api(.post, "/api/v1/schedules", create)
    router.api(.post, "/api/v1/schedules/preview", preview)
    router.api(.get, "/api/v1/schedules/{id}") { request in
      let (_, row) = try await find(request)
      return try await response(.ok, row)
    }
    router.api(.patch, "/api/v1/schedules/{id}", update)
    router.api(.delete, "/api/v1/schedules/{id}") { request in
      let (caller, row) = try await find(request)
      guard try await schedules.remove(caller.tenant, row.id) else { throw Problem.notFound("schedule") }
      return HTTPResponse(.noContent)
    }
  }

  private func find(_ request: HTTPRequest) async throws -> (Caller, ScheduleRow) {
    let caller = try callers.caller(of: request)
    let id = try PathParameter.id(request, ScheduleID.self)
    guard let row = try await schedules.schedule(caller.tenant, id) else { throw Problem.notFound("schedule") }
    return (caller, row)
  }

  private func list(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try callers.caller(of: request)
    let query = try request.query()
    let page = try PageRequest<ScheduleKind>(query, standard: 50, max: 200)
    let rows = try await schedules.schedules(
      caller.tenant, of: try QueryParameter.id(query, "project_id"), before: page.cursor, limit: page.rows)
    return .page("schedules", rows, limit: page.limit, cursor: { $0.id.description }) { write($0, to: &$1) }
  }

  // MARK: Write

  /// Reads the members that are there over what stood before.
  private func read(_ root: JSONView, over before: ScheduleDefinition?) async throws -> ScheduleDefinition {
    var fields = JSONFields(root)
    let isNew = before == nil
    let name = fields.string("name", isRequired: isNew, bytesMax: 200) ?? before?.name ?? ""
    let cron = fields.string("cron", isRequired: isNew, bytesMax: CronExpression.bytesMax) ?? before?.cron ?? ""
    if !cron.isEmpty {
      do { _ = try CronExpression(cron) } catch { fields.note("cron", .malformed, error.description) }
    }
    let zone = try await zone(&fields) ?? before?.timeZone ?? "UTC"
    let overlap = fields.string("overlap", bytesMax: 20, allowed: ScheduleRow.Overlap.allCases.map(\.rawValue))
    let catchUp = fields.int("catch_up_ms", in: 0...ScheduleRoutes.catchUpMillisecondsMax)
    let isPaused = fields.bool("paused")
    var task = before?.task ?? []
    if let view = fields.value("task", isRequired: isNew) {
      do { _ = try TaskRequest(view) } catch {
        for fault in error.faults {
          fields.note(at: JSONFieldFault(pointer: "/task" + fault.pointer, code: fault.code, detail: fault.detail))
        }
      }
      task = Array(view.rawBytes)
    }
    try fields.finish()
    return ScheduleDefinition(
      name: name, cron: cron, timeZone: zone, task: task,
      overlap: overlap.flatMap { ScheduleRow.Overlap(rawValue: $0) } ?? before?.overlap ?? .skip,
      catchUpMilliseconds: catchUp ?? before?.catchUpMilliseconds ?? 60_000,
      isPaused: isPaused ?? before?.isPaused ?? false)
  }

  /// The zone that is named, as the database spells it; a fault is noted for a name that it does not know.
  private func zone(_ fields: inout JSONFields) async throws -> String? {
    guard let name = fields.string("time_zone", bytesMax: 64) else { return nil }
    if let known = try await zones.canonicalName(name) { return known }
    fields.note("time_zone", .malformed, "A name such as Europe/Berlin or UTC is expected.")
    return nil
  }

  /// When an expression would come true.
  private func preview(_ request: HTTPRequest) async throws -> HTTPResponse {
    _ = try callers.caller(of: request)
    var fields = JSONFields(try await request.json(limits: .submitted).root)
    let cron = fields.string("cron", isRequired: true, bytesMax: CronExpression.bytesMax) ?? ""
    if !cron.isEmpty {
      do { _ = try CronExpression(cron) } catch { fields.note("cron", .malformed, error.description) }
    }
    let zone = try await zone(&fields) ?? "UTC"
    var time = TaskRequest.time("after", &fields)
    try fields.finish()
    if time == nil { time = try await schedules.now() }
    var times: [Timestamp] = []
    while let last = time, times.count < ScheduleRoutes.previewedTimes {
      time = try await next(cron, zone, after: last)
      if let time { times.append(time) }
    }
    return .json { $0.member("times", times.map(\.description)) }
  }

  private func next(_ definition: ScheduleDefinition) async throws -> Timestamp? {
    guard let now = try await schedules.now() else { return nil }
    return try await next(definition.cron, definition.timeZone, after: now)
  }

  private func next(_ cron: String, _ zone: String, after time: Timestamp) async throws -> Timestamp? {
    try await zones.next(try CronExpression(cron), after: time, zone: zone)
  }

  private func create(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try callers.caller(of: request)
    let definition = try await read(try await request.json(limits: .submitted).root, over: nil)
    let next = try await next(definition)
    guard let row = try await schedules.add(caller.tenant, definition, next: next, by: caller.principal) else {
      throw Problem.notFound("schedule")
    }
    var response = try await response(.created, row)
    response.headers.append(.location, "/api/v1/schedules/\(row.id)")
    return response
  }

  private func update(_ request: HTTPRequest) async throws -> HTTPResponse {
    var (caller, row) = try await find(request)
    let expected = try EntityTag.demanded(by: request) ?? row.version
    let root = try await request.json(limits: .submitted)
    for _ in 0..<ScheduleRoutes.updatesMax {
      let before = ScheduleDefinition(
        name: row.name, cron: row.cron, timeZone: row.timeZone, task: row.task, overlap: row.overlap,
        catchUpMilliseconds: row.catchUpMilliseconds, isPaused: row.isPaused)
      let definition = try await read(root.root, over: before)
      let next = try await next(definition)
      let after = try await schedules.update(caller.tenant, row.id, definition, next: next, expected: expected)
      if let after { return try await response(.ok, after) }
      // A time that is due is served before the schedule is paused.
      (caller, row) = try await find(request)
      guard row.version == expected, definition.isPaused, !row.isPaused else { break }
      try await service.serve(row)
    }
    throw Problem.outdated()
  }

  private func response(_ status: HTTPStatus, _ row: ScheduleRow) async throws -> HTTPResponse {
    var times: [Timestamp] = []
    if let expression = try? CronExpression(row.cron) {
      var time = row.nextAt
      while let found = time, times.count < ScheduleRoutes.shownTimes {
        times.append(found)
        time = try await zones.next(expression, after: found, zone: row.timeZone)
      }
    }
    var response = HTTPResponse.json(status) { writer in
      write(row, to: &writer)
      writer.member("next_times", times.map(\.description))
    }
    response.setVersion(row.version)
    return response
  }

  private func write(_ row: ScheduleRow, to writer: inout JSONWriter) {
    writer.member("id", row.id.description)
    writer.member("name", row.name)
    writer.member("cron", row.cron)
    writer.member("time_zone", row.timeZone)
    writer.member("overlap", row.overlap.rawValue)
    writer.member("catch_up_ms", row.catchUpMilliseconds)
    writer.member("paused", row.isPaused)
    writer.member("version", Int64(row.version))
    writer.member("created_at", row.createdAt.description)
    writer.member("created_by", row.createdBy)
    writer.member("next_at", orNull: row.isPaused ? nil : row.nextAt?.description)
    writer.member("last_at", orNull: row.lastAt?.description)
    writer.member("last_run_id", orNull: row.lastRun?.description)
    writer.member("fired", row.fired)
    writer.member("skipped", row.skipped)
    // Lists leave large ones out.
    if row.task.isEmpty {
      writer.key("task")
      writer.null()
      writer.member("task_truncated", true)
    } else {
      writer.member("task", raw: row.task)
    }
  }
}
