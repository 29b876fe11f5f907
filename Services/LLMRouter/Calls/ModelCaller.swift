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

/// Recognises callers: our own services by the internal token, others by a virtual key.
struct CallerDesk: Sendable {
  let token: InternalToken
  let signer: VirtualKey.Signer
  let catalog: CatalogKeeper

  /// Identifies the caller. Throws a `CallFailure`.
  func identify(_ request: HTTPRequest) throws(CallFailure) -> ModelCaller {
    let shown =
      request.headers[.xAPIKey] ?? request.headers[.authorization].map { String($0.dropFirst("Bearer ".count)) }
    if let shown, shown.hasPrefix(VirtualKey.prefix) { return try identify(shown) }
    do { try token.require(request) } catch {
      throw CallFailure(
        status: .unauthorized, code: "invalid_api_key", message: "The key is missing, unknown or not valid here.")
    }
    guard let tenant = request.headers[InternalHeader.tenant].flatMap({ TenantID($0) }) else {
      throw .invalid("The call names no tenant (\(InternalHeader.tenant)).", nil)
    }
    func label(_ name: String) -> String? { request.headers[name].map(CallLabels.plain) }
    var labels = CallLabels()
    labels.principal = label(InternalHeader.principal) ?? "unknown"
    labels.project = label(InternalHeader.project)
    labels.group = label(InternalHeader.group)
    labels.run = label(InternalHeader.run)
    labels.step = label(InternalHeader.step)
    labels.agent = label(InternalHeader.agent)
    labels.tool = label(InternalHeader.tool)
    labels.key = labels.principal.hasPrefix("key:") ? String(labels.principal.dropFirst(4)) : nil
    return ModelCaller(
      tenant: tenant, labels: labels, allowed: nil, ownBudget: nil,
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
