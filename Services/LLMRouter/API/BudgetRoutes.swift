internal import APIKit
internal import Budgets
internal import Contracts
internal import HTTP
internal import HTTPWire
internal import JSON
internal import ModelCalls
internal import ModelCatalog
internal import Pricing
internal import Primitives
internal import ServiceKit
internal import Spending
internal import SystemSources

/// `/api/v1/budgets`: what a tenant may spend, by scope and period.
struct BudgetRoutes: Sendable {
  private static let subjectBytesMax = 200
  /// The counters are exact below 2^53.
  private static let amountMax: Int64 = 9_000_000_000_000_000

  let catalog: CatalogCache
  let stores: CatalogStores
  let budgets: BudgetGuard
  let authenticator: Authenticator

  func add(to router: inout Router) {
    router.api(.get, "/api/v1/budgets", list)
    router.api(.post, "/api/v1/budgets", create)
    router.api(.get, "/api/v1/budgets/{id}") { request in
      let (_, found) = try await find(request)
      return try await response(.ok, found.budget, found.version, subject: try request.query()["subject"])
    }
    router.api(.patch, "/api/v1/budgets/{id}", change)
    router.api(.delete, "/api/v1/budgets/{id}") { request in
      let caller = try authenticator.caller(of: request)
      guard try await stores.budgets.remove(caller.tenant, try id(request)) else { throw Problem.notFound("budget") }
      try await catalog.changed()
      return HTTPResponse(.noContent)
    }
  }

  private func id(_ request: HTTPRequest) throws(Problem) -> BudgetID {
    try PathParameter.id(request, BudgetID.self, of: "budget")
  }

  private func find(_ request: HTTPRequest) async throws -> (Caller, (budget: Budget, version: Int)) {
    let caller = try authenticator.caller(of: request)
    guard let found = try await stores.budgets.find(caller.tenant, try id(request)) else {
      throw Problem.notFound("budget")
    }
    return (caller, found)
  }

  private func list(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try authenticator.caller(of: request)
    let rows = try await stores.budgets.list(caller.tenant)
    let status = try await budgets.status(rows.map(\.budget))
    return .json { writer in
      writer.objects("budgets", rows) { write($0.budget, $0.version, status[$0.budget.id], &$1) }
    }
  }

  private func create(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try authenticator.caller(of: request)
    var fields = JSONFields(try await request.json().root)
    let scope = fields.choice("scope", BudgetScope.self, isRequired: true)
    let period = fields.choice("period", BudgetPeriod.self, isRequired: true)
    let subject = fields.string("subject", bytesMax: BudgetRoutes.subjectBytesMax, allowsEmpty: true) ?? ""
    if scope == .tenant, !subject.isEmpty { fields.note("subject", .notAllowed, "nothing, for the scope tenant") }
    let (tokens, nano, alert) = amounts(&fields)
    if tokens == nil, nano == nil { fields.note("tokens", .required, "a limit in tokens or usd") }
    try fields.finish()
    guard let scope, let period else { throw Problem.badParameter("scope", "It is missing.") }
    let id = BudgetID.make()
    let budget = Budget(
      id: id.description, tenant: caller.tenant.description, scope: scope, subject: subject, period: period,
      tokens: tokens, nanoUSD: nano, alertPercent: alert ?? 80)
    switch try await stores.budgets.add(budget, tenant: caller.tenant, id: id) {
    case .added: break
    case .exists:
      throw Problem(
        .budgetExists, "There is a budget for this scope, subject and period already; change that one.")
    case .tooMany: throw Problem.notStored(nil, "budgets")
    }
    try await catalog.changed()
    var made = try await response(.created, budget, 1)
    made.headers.append(.location, "/api/v1/budgets/\(id)")
    return made
  }

  private func change(_ request: HTTPRequest) async throws -> HTTPResponse {
    let (caller, found) = try await find(request)
    let expected = try EntityTag.demanded(by: request, acceptsAny: false)
    var fields = JSONFields(try await request.json().root)
    let (tokens, nano, alert) = amounts(&fields)
    try fields.finish()
    var budget = found.budget
    budget.tokens = tokens ?? budget.tokens
    budget.nanoUSD = nano ?? budget.nanoUSD
    budget.alertPercent = alert ?? budget.alertPercent
    guard
      let version = try await stores.budgets.change(
        budget, tenant: caller.tenant, id: try id(request), expected: expected)
    else { throw Problem.notStored(expected ?? 0, "budgets") }
    try await catalog.changed()
    return try await response(.ok, budget, version)
  }

  private func amounts(_ fields: inout JSONFields) -> (tokens: Int64?, nano: Int64?, alert: Int64?) {
    let tokens = fields.int("tokens", in: 0...BudgetRoutes.amountMax)
    let dollars = fields.double("usd", in: 0...Double(BudgetRoutes.amountMax / 1_000_000_000))
    return (tokens, dollars.map { Int64(saturating: $0 * 1e9) }, fields.int("alert_percent", in: 1...100))
  }

  private func response(
    _ status: HTTPStatus, _ budget: Budget, _ version: Int, subject: String? = nil
  ) async throws -> HTTPResponse {
    let standing = try await budgets.status([budget], subject: subject)[budget.id]
    var response = HTTPResponse.json(status) { write(budget, version, standing, &$0) }
    response.setVersion(version)
    return response
  }

  private func write(_ budget: Budget, _ version: Int, _ status: [BudgetStatus]?, _ writer: inout JSONWriter) {
    writer.member("id", budget.id)
    writer.member("scope", budget.scope.rawValue)
    writer.member("subject", budget.subject)
    writer.member("period", budget.period.rawValue)
    writer.member("tokens", ifPresent: budget.tokens)
    if let nano = budget.nanoUSD { writer.member("usd", Double(nano) / 1e9) }
    writer.member("alert_percent", budget.alertPercent)
    writer.member("version", Int64(version))
    guard let status else { return }
    for (name, amount) in BudgetRoutes.amounts {
      writer.key(name)
      writer.beginObject()
      for counter in status {
        let value = amount(counter)
        switch counter.counter.unit {
        case .tokens: writer.member("tokens", value)
        case .nanoUSD: writer.member("usd", Double(value) / 1e9)
        }
      }
      writer.endObject()
    }
    if let end = status.first?.counter.end {
      writer.member("resets_at", Timestamp(unixMicroseconds: end.multipliedClamped(by: 1_000_000)).description)
    }
  }

  private static let amounts: [(String, @Sendable (BudgetStatus) -> Int64)] = [
    ("spent", { $0.spent }), ("reserved", { $0.reserved }), ("left", { $0.left }),
  ]
}
