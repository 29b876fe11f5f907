internal import APIKit
package import Contracts
package import GatewayRequests
package import HTTP
internal import HTTPWire
internal import JSON
internal import Policy
package import PolicyDecisions
internal import Postgres
internal import Primitives

/// The addresses at which policies are steered and explained.
package struct PolicyRoutes: Sendable {
  let stored: StoredPolicies
  let store: PolicyStore
  let engine: PolicyEngine
  let deliveries: PolicyDeliveries?
  let tenantExists: @Sendable (TenantID) async throws -> Bool
  let explanations: ExplanationPlaces

  /// Makes them. `tenantExists` says whether the installation has a tenant, `deliveries` what services have confirmed.
  package init(
    stored: StoredPolicies, store: PolicyStore, engine: PolicyEngine, deliveries: PolicyDeliveries? = nil,
    tenantExists: @escaping @Sendable (TenantID) async throws -> Bool
  ) {
    self.stored = stored
    self.store = store
    self.engine = engine
    self.deliveries = deliveries
    self.tenantExists = tenantExists
    explanations = ExplanationPlaces()
  }

  typealias Answer = @Sendable (HTTPRequest, Identity) async throws -> HTTPResponse

  /// Adds every declared address to a router.
  package func add(to router: inout Router, _ pipeline: RequestPipeline) {
    let answers: [(RouteSpecification, Answer)] = [
      (Routes.policyStatus, { _, identity in try await status(identity) }),
      (Routes.policySwitches, { try await change($0, $1) }),
      (Routes.policyData, { try await show(try own($1, .read)) }),
      (Routes.setPolicyData, { try await set($0, $1, try own($1), isOperator: false) }),
      (Routes.removePolicyData, { try await remove($0, $1, try own($1), isOperator: false) }),
      (Routes.policyExplanation, { try await explain($0, $1, try own($1)) }),
      (Routes.operatorPolicyData, { try await show(try await named($0, $1)) }),
      (Routes.operatorSetPolicyData, { try await set($0, $1, try await named($0, $1), isOperator: true) }),
      (Routes.operatorRemovePolicyData, { try await remove($0, $1, try await named($0, $1), isOperator: true) }),
    ]
    for (route, answer) in answers {
      pipeline.add(route, to: &router) { request, identity in
        do { return try await answer(request, identity) } catch { throw Problem.refusal(error) ?? error }
      }
    }
  }

  // MARK: Who

  /// The tenant of a caller that manages it: whatever policies say, nobody else does this.
  private func own(_ identity: Identity, _ grant: Grants = .admin) throws(Problem) -> TenantID {
    guard let tenant = identity.tenant else { throw Problem(.scopeMissing) }
    guard identity.role == .owner || identity.role == .admin, identity.grants.contains(grant) else {
      throw Problem(.roleRequired)
    }
    return tenant
  }

  private func operating(_ identity: Identity) throws(Problem) {
    guard identity.grants.contains(.operator) else { throw Problem(.operatorRequired) }
  }

  /// The tenant that an operator names.
  private func named(_ request: HTTPRequest, _ identity: Identity) async throws -> TenantID {
    try operating(identity)
    let tenant = try PathParameter.id(request, TenantID.self)
    guard try await tenantExists(tenant) else { throw Problem.notFound("tenant") }
    return tenant
  }

  // MARK: Switches

  private func status(_ identity: Identity) async throws -> HTTPResponse {
    try operating(identity)
    await stored.refresh()
    return described()
  }

  private func described() -> HTTPResponse {
    let (status, known) = (engine.status, stored.now)
    var response = HTTPResponse.json { writer in
      writer.member("mode", status.switches.mode.rawValue)
      writer.member("canary_percent", Int64(status.switches.canaryPercent))
      writer.member("is_halted", status.switches.isHalted)
      writer.member("version", Int64(known.switches?.version ?? 0))
      writer.member("updated_at", orNull: known.switches?.updatedAt?.description)
      writer.member("updated_by", orNull: known.switches?.updatedBy)
      writer.member("is_current", known.isCurrent)
      writer.member("source", status.source)
      writer.member("revision", status.revision)
      writer.member("last_fault", orNull: status.lastFault)
      writer.key("cache")
      writer.beginObject()
      writer.member("entries", Int64(status.cache.entries))
      writer.member("entries_max", Int64(status.cache.entriesMax))
      writer.member("hits", Int64(clamping: status.cache.hits))
      writer.member("misses", Int64(clamping: status.cache.misses))
      writer.endObject()
      writer.objects("services", deliveries?.now ?? []) { service, writer in
        let receipt = service.receipt ?? .none
        writer.member("service", service.name)
        // Of an earlier epoch nothing is in force as it stands here.
        let isThisEpoch = receipt.switches.epoch == known.switches?.epoch
        writer.member("version", isThisEpoch ? receipt.switches.number : 0)
        writer.member(
          "has_all",
          isThisEpoch && service.lacksSince == nil
            && receipt.switches.number == known.switches.map { Int64($0.version) })
        writer.member("confirmed_at", orNull: service.confirmedAt?.description)
        writer.member("fault", orNull: service.fault)
      }
    }
    if let version = known.switches?.version { response.setVersion(version) }
    response.headers.append(.cacheControl, "no-store")
    return response
  }

  private func change(_ request: HTTPRequest, _ identity: Identity) async throws -> HTTPResponse {
    try operating(identity)
    let expected = try EntityTag.demanded(by: request)
    var fields = JSONFields(try await request.json().root)
    let mode = fields.string("mode", bytesMax: 20, allowed: PolicyMode.allCases.map(\.rawValue))
    let canary = fields.int("canary_percent", in: 0...100)
    let isHalted = fields.bool("halted")
    if mode == nil, canary == nil, isHalted == nil, fields.faults.isEmpty {
      fields.note("mode", .required, "One of mode, canary_percent and halted is needed.")
    }
    try fields.finish()
    let change = SwitchChange(
      mode: mode.flatMap(PolicyMode.init(rawValue:)), canaryPercent: canary.map { Int($0) }, isHalted: isHalted)
    guard let row = try await store.change(change, by: identity.subject, expected: expected) else {
      throw Problem.outdated()
    }
    stored.apply(row)
    return described()
  }

  // MARK: Data of tenants

  private func show(_ tenant: TenantID) async throws -> HTTPResponse {
    described(tenant, try await store.data(of: tenant))
  }

  private func described(_ tenant: TenantID, _ row: StoredPolicyData?) -> HTTPResponse {
    var response = HTTPResponse.json { writer in
      writer.member("tenant_id", "\(tenant)")
      writer.member("data", raw: Array((row?.document ?? PolicyDocument.empty.text).utf8))
      writer.member("status", row?.isSuspended ?? false ? "suspended" : "active")
      writer.member("version", Int64(row?.version ?? 0))
      writer.member("updated_at", orNull: row?.updatedAt.description)
      writer.member("updated_by", orNull: row?.updatedBy)
    }
    if let row { response.setVersion(row.version) }
    response.headers.append(.cacheControl, "no-store")
    return response
  }

  private func set(
    _ request: HTTPRequest, _ identity: Identity, _ tenant: TenantID, isOperator: Bool
  ) async throws -> HTTPResponse {
    let expected = try EntityTag.demanded(by: request, acceptsAny: false)
    var fields = JSONFields(try await request.json().root)
    let document = PolicyDocument.read(&fields, PolicyTables(data: engine.bundle?.data))
    let status = isOperator ? fields.string("status", bytesMax: 20, allowed: ["active", "suspended"]) : nil
    try fields.finish()
    guard let document else { throw Problem(.invalidInput) }
    let row = try await write(
      PolicyDataChange(
        tenant: tenant, document: document, isSuspended: status.map { $0 == "suspended" }, expected: expected,
        principal: identity.subject))
    return described(tenant, row)
  }

  private func remove(
    _ request: HTTPRequest, _ identity: Identity, _ tenant: TenantID, isOperator: Bool
  ) async throws -> HTTPResponse {
    let expected = try EntityTag.demanded(by: request, acceptsAny: false)
    // What was never there need not be taken away.
    if expected == nil, try await store.data(of: tenant) == nil { return HTTPResponse(.noContent) }
    _ = try await write(
      PolicyDataChange(
        tenant: tenant, document: .empty, isSuspended: isOperator ? false : nil, expected: expected,
        principal: identity.subject))
    return HTTPResponse(.noContent)
  }

  private func write(_ change: PolicyDataChange) async throws -> StoredPolicyData {
    let row: StoredPolicyData?
    do {
      row = try await store.set(change)
    } catch let error as PostgresError where error.sqlState == "23503" {
      throw Problem.notFound("tenant")
    }
    guard let row else { throw Problem.outdated() }
    stored.apply(row)
    return row
  }
}
