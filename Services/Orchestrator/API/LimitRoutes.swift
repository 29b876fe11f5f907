internal import APIKit
internal import Contracts
internal import HTTP
internal import HTTPWire
internal import JSON
internal import RunStorage
internal import ServiceKit
internal import StepDispatch

/// `/api/v1/limits/{scope}/{name}`: how many steps may be at work at the same time. The scopes are `tenant` (its name
/// is `all`), `project` (an id), `agent`, `model` and `lock`.
struct LimitRoutes: Sendable {
  private static let scopes = ["tenant", "project", "agent", "model", "lock"]
  private static let nameBytesMax = 200

  let limits: LimitStore
  let dispatcher: Dispatcher
  let callers: Authenticator

  func add(to router: inout Router) {
    router.api(.get, "/api/v1/limits", list)
    router.api(.put, "/api/v1/limits/{scope}/{name}", put)
    router.api(.delete, "/api/v1/limits/{scope}/{name}") { request in
      let caller = try callers.caller(of: request)
      guard try await limits.remove(caller.tenant, try key(request)) else { throw Problem.notFound("limit") }
      dispatcher.wake()
      return HTTPResponse(.noContent)
    }
  }

  private func key(_ request: HTTPRequest) throws(Problem) -> String {
    let scope = try request.parameter("scope")
    let name = try request.parameter("name")
    guard LimitRoutes.scopes.contains(scope) else { throw .notFound("limit") }
    guard name.utf8.count <= LimitRoutes.nameBytesMax, !name.unicodeScalars.contains(where: { $0.value < 32 }) else {
      throw .badParameter("name", "At most \(LimitRoutes.nameBytesMax) bytes without control characters are allowed.")
    }
    if scope == "tenant" {
      guard name == "all" else { throw .notFound("limit") }
      return "tenant"
    }
    if scope == "project", ProjectID(name) == nil { throw .badParameter("name", "The id of a project is expected.") }
    return "\(scope):\(name)"
  }

  private func list(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try callers.caller(of: request)
    let rows = try await limits.limits(caller.tenant)
    return .json { writer in
      writer.objects("limits", rows) { row, writer in
        let parts = row.key.split(separator: ":", maxSplits: 1)
        writer.member("scope", String(parts[0]))
        writer.member("name", parts.count > 1 ? String(parts[1]) : "all")
        writer.member("slots", Int64(row.slots))
        writer.member("held", row.inUse)
      }
    }
  }

  private func put(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try callers.caller(of: request)
    let key = try key(request)
    var fields = JSONFields(try await request.json(limits: .submitted).root)
    let slots = fields.int("slots", isRequired: true, in: 0...100_000) ?? 0
    try fields.finish()
    guard try await limits.set(caller.tenant, key, slots: Int(slots)) else {
      throw Problem(.tooManyLimits, "A tenant may have 1000 limits.")
    }
    dispatcher.wake()
    return .json { $0.member("slots", slots) }
  }
}
