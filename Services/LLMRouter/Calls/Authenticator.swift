internal import Contracts
package import HTTP
internal import HTTPWire
internal import Ledger
package import ModelCatalog
internal import Primitives
internal import Routing
package import ServiceKit
internal import SystemSources

/// Identifies the callers of the router: the services of the installation by the internal token, others by a virtual
/// key. Nothing else in the router reads who calls.
package struct Authenticator: Sendable {
  private let token: InternalToken
  private let signer: VirtualKey.Signer
  private let revokedKeys: RevokedKeys

  /// An authenticator of tokens and of virtual keys that are not revoked.
  package init(token: InternalToken, signer: VirtualKey.Signer, revokedKeys: RevokedKeys) {
    self.token = token
    self.signer = signer
    self.revokedKeys = revokedKeys
  }

  // MARK: The management API

  /// The caller of the management API. Throws a `Problem` without the token or a tenant.
  package func caller(of request: HTTPRequest) throws(Problem) -> APICaller {
    try token.require(request)
    guard let tenant = request.headers[InternalHeader.tenant].flatMap({ TenantID($0) }) else {
      throw Problem(.badRequest, code: "missing_tenant", "The call names no tenant (\(InternalHeader.tenant)).")
    }
    return APICaller(tenant: tenant, isOperator: request.headers[InternalHeader.isOperator] == "1")
  }

  /// Lets only callers pass who may configure the installation: providers hold keys that all tenants use.
  package func requireOperator(_ request: HTTPRequest) throws(Problem) {
    guard try caller(of: request).isOperator else {
      throw Problem(
        .forbidden, code: "operator_required",
        "Only a key of an operator may see and change providers, models and aliases.")
    }
  }

  // MARK: Model calls

  /// The caller of a model. Throws a `CallFailure`.
  package func modelCaller(of request: HTTPRequest) throws(CallFailure) -> ModelCaller {
    let presented =
      request.headers[.xAPIKey] ?? request.headers[.authorization].map { String($0.dropFirst("Bearer ".count)) }
    if let presented, presented.hasPrefix(VirtualKey.prefix) { return try holder(of: presented) }
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

  /// Whether a service of the installation calls for an operator. A virtual key is none, whatever its headers.
  package func isOperator(_ request: HTTPRequest) -> Bool { (try? caller(of: request).isOperator) ?? false }

  private func holder(of text: String) throws(CallFailure) -> ModelCaller {
    guard let key = signer.open(text) else {
      throw CallFailure(status: .unauthorized, code: "invalid_api_key", message: "The key is not valid.")
    }
    guard WallClock.now().unixMicroseconds / 1_000_000 < key.expiresAt else {
      throw CallFailure(status: .unauthorized, code: "expired_api_key", message: "The key has expired.")
    }
    guard !revokedKeys.contains(RevokedKey(tenant: key.tenant.uuid, id: key.id.uuid)) else {
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
