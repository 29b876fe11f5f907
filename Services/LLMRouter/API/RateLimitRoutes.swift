internal import APIKit
internal import Budgets
internal import Contracts
internal import HTTP
internal import HTTPWire
internal import JSON
internal import ModelCalls
internal import ModelCatalog
internal import ServiceKit
internal import Spending
internal import SystemSources

/// `/api/v1/rate-limits`: how fast a tenant may call, by scope; for operators also how fast a model is called by all.
struct RateLimitRoutes: Sendable {
  private static let subjectBytesMax = 200
  private static let rateMax: Int64 = 1_000_000_000
  private static let concurrencyMax: Int64 = 1_000_000

  let catalog: CatalogCache
  let stores: CatalogStores
  let authenticator: Authenticator

  func add(to router: inout Router) {
    let path = "/api/v1/rate-limits"
    router.api(.get, path, list)
    router.api(.post, path, create)
    router.api(.get, path + "/{id}") { request in
      let caller = try authenticator.caller(of: request)
      let found = try await stores.rateLimits.find(
        caller.tenant, models: caller.has(.operator), try id(request))
      guard let found else { throw Problem.notFound("rate limit") }
      return .json { write(found.limit, found.version, &$0) }
    }
    router.api(.delete, path + "/{id}") { request in
      let caller = try authenticator.caller(of: request)
      let isGone = try await stores.rateLimits.remove(
        caller.tenant, models: caller.has(.operator), try id(request))
      guard isGone else { throw Problem.notFound("rate limit") }
      try await catalog.changed()
      return HTTPResponse(.noContent)
    }
  }

  private func id(_ request: HTTPRequest) throws(Problem) -> RateLimitID {
    try PathParameter.id(request, RateLimitID.self, of: "rate limit")
  }

  private func list(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try authenticator.caller(of: request)
    let rows = try await stores.rateLimits.list(caller.tenant, models: caller.has(.operator))
    return .json { writer in
      writer.objects("rate_limits", rows) { write($0.limit, $0.version, &$1) }
    }
  }

  private func create(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try authenticator.caller(of: request)
    var fields = JSONFields(try await request.json().root)
    let scope = fields.choice("scope", RateScope.self, isRequired: true)
    let subject = fields.string("subject", bytesMax: RateLimitRoutes.subjectBytesMax, allowsEmpty: true) ?? ""
    if scope == .tenant, !subject.isEmpty { fields.note("subject", .notAllowed, "nothing, for the scope tenant") }
    let requests = fields.int("requests_per_minute", in: 1...RateLimitRoutes.rateMax)
    let tokens = fields.int("tokens_per_minute", in: 1...RateLimitRoutes.rateMax)
    let concurrency = fields.int("concurrency", in: 1...RateLimitRoutes.concurrencyMax)
    if requests == nil, tokens == nil, concurrency == nil {
      fields.note(
        "requests_per_minute", .required, "a limit: requests_per_minute, tokens_per_minute or concurrency")
    }
    try fields.finish()
    guard let scope else { throw Problem.badParameter("scope", "It is missing.") }
    // What a provider allows is shared by all tenants.
    if scope == .model { try authenticator.requireOperator(request) }
    let id = RateLimitID.make()
    let limit = RateLimit(
      id: id.description, tenant: scope == .model ? "" : caller.tenant.description, scope: scope, subject: subject,
      requests: requests, tokens: tokens, concurrency: concurrency)
    switch try await stores.rateLimits.add(limit, tenant: scope == .model ? nil : caller.tenant, id: id) {
    case .added: break
    case .exists:
      throw Problem(.rateLimitExists, "There is a limit for this scope and subject already; delete it first.")
    case .tooMany: throw Problem.notStored(nil, "rate limits")
    }
    try await catalog.changed()
    var response = HTTPResponse.json(.created) { write(limit, 1, &$0) }
    response.headers.append(.location, "/api/v1/rate-limits/\(id)")
    return response
  }

  private func write(_ limit: RateLimit, _ version: Int, _ writer: inout JSONWriter) {
    writer.member("id", limit.id)
    writer.member("scope", limit.scope.rawValue)
    writer.member("subject", limit.subject)
    writer.member("requests_per_minute", ifPresent: limit.requests)
    writer.member("tokens_per_minute", ifPresent: limit.tokens)
    writer.member("concurrency", ifPresent: limit.concurrency)
    writer.member("version", Int64(version))
  }
}
