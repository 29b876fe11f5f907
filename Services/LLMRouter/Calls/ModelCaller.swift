internal import Budgets
internal import Contracts
internal import HTTP
internal import HTTPWire
internal import Primitives
internal import Routing
internal import ServiceKit
internal import SystemSources

/// Who calls a model, and on what terms.
struct ModelCaller: Sendable {
  let tenant: TenantID
  let labels: CallLabels
  /// Models that may be asked for; nil: all.
  let allowed: Set<String>?
  /// The budget of a virtual key.
  let ownBudget: Budget?
  let complexity: Complexity?

  /// The names that the caller may ask for.
  func known(of table: RouteTable) -> [String] {
    (table.models + table.aliasNames).filter { allowed?.contains($0) ?? true }
  }
}

/// Recognises callers: by a signed assertion, or by a virtual key.
struct CallerDesk: Sendable {
  let token: InternalToken
  let signer: VirtualKey.Signer
  let catalog: CatalogKeeper

  /// Identifies the caller. Throws a `CallFailure`.
  func identify(_ request: HTTPRequest) throws(CallFailure) -> ModelCaller {
    let shown =
      request.headers[.xAPIKey] ?? request.headers[.authorization].map { String($0.dropFirst("Bearer ".count)) }
    if let shown, shown.hasPrefix(VirtualKey.prefix) { return try identify(shown) }
    let caller: Caller
    do { caller = try token.authenticate(request, scope: .models) } catch {
      let isMissing = error.code == "assertion_missing"
      throw CallFailure(
        status: error.status, code: isMissing ? "invalid_api_key" : error.code,
        message: isMissing ? "The key is missing, unknown or not valid here." : error.detail)
    }
    func label(_ name: String) -> String? { request.headers[name].map(CallLabels.plain) }
    var labels = CallLabels()
    labels.principal = CallLabels.plain(caller.principal)
    if let step = caller.step {
      // All that a worker may say of a step's calls is which tool makes them.
      labels.project = caller.project.map(CallLabels.plain)
      labels.group = caller.group.map(CallLabels.plain)
      labels.agent = caller.agent.map(CallLabels.plain)
      labels.run = step.run.description
      labels.step = step.id.description
    } else {
      labels.project = caller.project.map(CallLabels.plain) ?? label(InternalHeader.project)
      labels.group = caller.group.map(CallLabels.plain) ?? label(InternalHeader.group)
      labels.agent = caller.agent.map(CallLabels.plain) ?? label(InternalHeader.agent)
    }
    labels.tool = label(InternalHeader.tool)
    labels.key = labels.principal.hasPrefix("key:") ? String(labels.principal.dropFirst(4)) : nil
    return ModelCaller(
      tenant: caller.tenant, labels: labels, allowed: nil, ownBudget: nil,
      complexity: request.headers[InternalHeader.complexity].flatMap { Complexity(rawValue: $0) })
  }

  private func identify(_ text: String) throws(CallFailure) -> ModelCaller {
    guard let key = signer.open(text) else {
      throw CallFailure(status: .unauthorized, code: "invalid_api_key", message: "The key is not valid.")
    }
    guard WallClock.now().unixMicroseconds / 1_000_000 < key.expiresAt else {
      throw CallFailure(status: .unauthorized, code: "expired_api_key", message: "The key has expired.")
    }
    guard !catalog.revokedKeys.contains(RevokedKey(tenant: key.tenant.uuid, id: key.id.uuid)) else {
      throw CallFailure(status: .unauthorized, code: "revoked_api_key", message: "The key was taken back.")
    }
    var labels = CallLabels()
    labels.principal = key.id.description
    labels.project = key.project
    labels.run = key.run
    labels.step = key.step
    labels.agent = key.agent
    labels.tool = key.tool
    labels.key = key.id.description
    return ModelCaller(
      tenant: key.tenant, labels: labels, allowed: key.models.map(Set.init), ownBudget: key.budget, complexity: nil)
  }
}
