internal import APIKit
internal import Contracts
internal import HTTP
internal import HTTPWire
internal import JSON
internal import RunStorage
internal import ServiceKit

/// `/operator/v1/weights/{tenant}`: the parts of tenants where several have work waiting. For those who run the
/// installation: they need the operator's scope.
struct WeightRoutes: Sendable {
  let limits: LimitStore
  let callers: Authenticator

  func add(to router: inout Router) {
    router.api(.get, "/operator/v1/weights", list)
    router.api(.put, "/operator/v1/weights/{tenant}", put)
    router.api(.delete, "/operator/v1/weights/{tenant}") { request in
      try callers.requireOperator(request)
      guard try await limits.removeWeight(try tenant(request)) else { throw Problem.notFound("weight") }
      return HTTPResponse(.noContent)
    }
  }

  private func tenant(_ request: HTTPRequest) throws(Problem) -> TenantID {
    guard let tenant = TenantID(try request.parameter("tenant")) else {
      throw .badParameter("tenant", "The id of a tenant is expected.")
    }
    return tenant
  }

  private func list(_ request: HTTPRequest) async throws -> HTTPResponse {
    try callers.requireOperator(request)
    let query = try request.query()
    let limit = try QueryParameter.limit(query, standard: 100, max: 1000)
    let after: TenantID? = try QueryParameter.id(query, "after", hint: "The id of a tenant is expected.")
    let rows = try await limits.weights(after: after, limit: limit)
    return .json { writer in
      writer.objects("weights", rows) { row, writer in
        writer.member("tenant_id", row.tenant.description)
        writer.member("weight", row.weight)
      }
      writer.member("next_after", orNull: rows.count == limit ? rows.last?.tenant.description : nil)
    }
  }

  private func put(_ request: HTTPRequest) async throws -> HTTPResponse {
    try callers.requireOperator(request)
    let tenant = try tenant(request)
    var fields = JSONFields(try await request.json(limits: .submitted).root)
    let weight = fields.double("weight", isRequired: true, in: 0.01...1000)
    try fields.finish()
    try await limits.set(tenant, weight: weight ?? 1)
    return .json {
      $0.member("tenant_id", tenant.description)
      $0.member("weight", weight ?? 1)
    }
  }
}
