internal import Contracts
package import HTTP
internal import HTTPWire
internal import Ledger
package import ModelCatalog
package import Primitives
internal import Routing
package import ServiceKit
internal import SystemSources

/// Identifies the callers of the router: the services of the installation by a signed assertion, others by a
/// virtual key. Nothing else in the router reads who calls.
package struct CallerAuthenticator: Sendable {
  /// Checks the assertions of the services; the management API takes nothing else.
  package let assertions: Authenticator
  private let signer: VirtualKey.Signer
  private let revokedKeys: RevokedKeys
  private let refusedTenants: RefusedTenants
  private let clock: @Sendable () -> Timestamp

  /// An authenticator of assertions and of virtual keys that are not revoked, of tenants that are neither suspended nor
  /// deleted.
  package init(
    _ assertions: Authenticator, signer: VirtualKey.Signer, catalog: CatalogCache,
    clock: @escaping @Sendable () -> Timestamp = { WallClock.now() }
  ) {
    self.assertions = assertions
    self.signer = signer
    revokedKeys = catalog.revokedKeys
    refusedTenants = catalog.refusedTenants
    self.clock = clock
  }

  /// The caller of a model. Throws a `CallFailure`.
  package func principal(of request: HTTPRequest) throws(CallFailure) -> CallPrincipal {
    let principal = try identify(request)
    try admit(principal)
    return principal
  }

  /// Whether a provider may be asked for a caller now, and its answer go on: the key may have ended since the call
  /// began, or the tenant may have been suspended. Throws a `CallFailure`.
  func admit(_ principal: CallPrincipal) throws(CallFailure) {
    if let key = principal.key { try check(key) }
    guard let reason = refusedTenants.reason(principal.tenant.uuid) else { return }
    let code: ProblemCode =
      switch reason {
      case .suspended: .tenantNotActive
      case .deleted: .tenantDeleted
      }
    // A step is tried again when the tenant is resumed; nobody else's repetition helps.
    let isRetryable = reason == .suspended && principal.labels.step != nil
    throw CallFailure(status: .forbidden, code: code.name, message: code.detail, isRetryable: isRetryable)
  }

  private func identify(_ request: HTTPRequest) throws(CallFailure) -> CallPrincipal {
    let presented =
      request.headers[.xAPIKey] ?? request.headers[.authorization].map { String($0.dropFirst("Bearer ".count)) }
    if let presented, presented.hasPrefix(VirtualKey.prefix) { return try holder(of: presented) }
    let caller: Caller
    do { caller = try assertions.authenticate(request, scope: .models) } catch {
      let isMissing = error.code == "assertion_missing"
      throw CallFailure(
        status: error.status, code: isMissing ? "invalid_api_key" : error.code,
        message: isMissing ? "The key is missing, unknown or not valid here." : error.detail)
    }
    func label(_ name: String) -> String? { request.headers[name].map(CallLabels.plain) }
    var labels = CallLabels()
    labels.principal = CallLabels.plain(caller.principal)
    labels.project = caller.project.map(CallLabels.plain)
    labels.group = caller.group.map(CallLabels.plain)
    labels.agent = caller.agent.map(CallLabels.plain)
    if let step = caller.step {
      // All that a worker may say of a step's calls is which tool makes them.
      labels.run = step.run.description
      labels.step = step.id.description
    } else {
      labels.project = labels.project ?? label(InternalHeader.project)
      labels.group = labels.group ?? label(InternalHeader.group)
      labels.agent = labels.agent ?? label(InternalHeader.agent)
    }
    labels.tool = label(InternalHeader.tool)
    labels.key = labels.principal.hasPrefix("key:") ? String(labels.principal.dropFirst(4)) : nil
    return CallPrincipal(
      tenant: caller.tenant, labels: labels, allowed: nil, ownBudget: nil,
      complexity: request.headers[InternalHeader.complexity].flatMap { Complexity(rawValue: $0) }, role: caller.role)
  }

  /// Whether a service of the installation calls for an operator. A virtual key is none, whatever its headers.
  package func isOperator(_ request: HTTPRequest) -> Bool {
    (try? assertions.authenticate(request, scope: .api).has(.operator)) ?? false
  }

  private func holder(of text: String) throws(CallFailure) -> CallPrincipal {
    guard let key = signer.open(text) else {
      throw CallFailure(status: .unauthorized, code: "invalid_api_key", message: "The key is not valid.")
    }
    var labels = CallLabels()
    labels.principal = key.id.description
    labels.project = key.project
    labels.run = key.run
    labels.step = key.step
    labels.agent = key.agent
    labels.tool = key.tool
    labels.key = key.id.description
    return CallPrincipal(
      tenant: key.tenant, labels: labels, allowed: key.models.map(Set.init), ownBudget: key.budget, complexity: nil,
      key: key)
  }

  private func check(_ key: VirtualKey) throws(CallFailure) {
    guard clock().unixMicroseconds / 1_000_000 < key.expiresAt else {
      throw CallFailure(status: .unauthorized, code: "expired_api_key", message: "The key has expired.")
    }
    guard !revokedKeys.contains(RevokedKey(tenant: key.tenant.uuid, id: key.id.uuid)) else {
      throw CallFailure(status: .unauthorized, code: "revoked_api_key", message: "The key was taken back.")
    }
  }
}
