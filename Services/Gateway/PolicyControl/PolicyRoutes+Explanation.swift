internal import Contracts
internal import GatewayAccess
internal import GatewayRequests
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Policy
internal import PolicyDecisions
internal import Synchronization

/// Explanations that are made at once. Each of them holds a thread for up to the time of a decision.
final class ExplanationPlaces: Sendable {
  static let countMax = 2
  private let taken = Mutex<Set<TenantID>>([])

  /// Runs `body` in a place of its own; a tenant has one at a time, so that none takes all. Throws a 503 `Problem` when
  /// there is none.
  func within<Value>(_ tenant: TenantID, _ body: () async throws -> Value) async throws -> Value {
    let isFree = taken.withLock { taken in
      taken.count < ExplanationPlaces.countMax && taken.insert(tenant).inserted
    }
    guard isFree else {
      throw Problem(.overloaded, "Other decisions are being explained; try again shortly.", retryAfterSeconds: 1)
    }
    defer { taken.withLock { _ = $0.remove(tenant) } }
    return try await body()
  }
}

extension PolicyRoutes {
  private static let decisions = ["http", "tools", "models", "approvals"]
  private static let pathBytesMax = 2048

  /// Why something would be allowed or not in a tenant, with its data.
  func explain(_ request: HTTPRequest, _ identity: Identity, _ tenant: TenantID) async throws -> HTTPResponse {
    // The evaluation goes as deep as its input.
    var fields = JSONFields(try await request.json(limits: JSONLimits(depthMax: 32)).root)
    let decision = fields.string("decision", bytesMax: 20, allowed: PolicyRoutes.decisions) ?? "http"
    let query =
      decision == "http"
      ? PolicyRoutes.request(&fields, identity) : PolicyRoutes.question(&fields, decision, tenant)
    try fields.finish()
    guard let query else { throw Problem(.invalidInput) }
    guard let explanation = try await explanations.within(tenant, { await engine.explain(query) }) else {
      throw engine.bundle == nil
        ? Problem(.explanationUnavailable)
        : Problem(.overloaded, "The decision cannot be explained now; try again shortly.", retryAfterSeconds: 1)
    }
    let switches = engine.control.switches
    var response = HTTPResponse.json { writer in
      writer.member("decision", decision)
      // What is done with it: a halt refuses every change before policies are asked.
      writer.member("mode", switches.mode(for: "\(tenant)").rawValue)
      writer.member("is_halted", switches.isHalted)
      writer.member("explanation", raw: explanation.json)
    }
    response.headers.append(.cacheControl, "no-store")
    return response
  }

  /// The question about a request of the caller, or of somebody like it with another role or other grants.
  private static func request(_ fields: inout JSONFields, _ identity: Identity) -> PolicyQuery? {
    let name = fields.string("method", isRequired: true, bytesMax: 10)
    let path = fields.string("path", isRequired: true, bytesMax: pathBytesMax)
    let role = fields.string("role", bytesMax: 20, allowed: Role.allCases.map(\.rawValue)).flatMap(Role.init(rawValue:))
    var grants = identity.grants
    if let names = fields.strings("grants", countMax: Grants.allNames.count, bytesMax: 20) {
      grants = []
      for name in names {
        guard let grant = Grants(name: name) else {
          fields.note("grants", .notAllowed, "Allowed are: \(Grants.allNames.joined(separator: ", ")).")
          return nil
        }
        grants.insert(grant)
      }
    }
    guard let name, let path else { return nil }
    guard let method = HTTPMethod.allCases.first(where: { "\($0.name)" == name && $0 != .other }),
      let route = Routes.outside(method, path)
    else {
      fields.note("path", .notAllowed, "No address of the gateway has this method and this path.")
      return nil
    }
    return PolicyAccess.query(
      Identity(
        kind: identity.kind, caller: identity.caller, role: role ?? identity.role, subject: identity.subject,
        credential: identity.credential, grants: grants), route)
  }

  /// The question with an input of the caller's, in its own tenant whatever the input says.
  private static func question(_ fields: inout JSONFields, _ decision: String, _ tenant: TenantID) -> PolicyQuery? {
    guard let view = fields.value("input", isRequired: true) else { return nil }
    guard case .object(var input) = RegoValue(view) else {
      fields.note("input", .type, "An object with subject and action is expected.")
      return nil
    }
    var subject = RegoObject()
    if case .object(let given)? = input["subject"] { subject = given }
    subject.set(.string("tenant"), .string("\(tenant)"))
    input.set(.string("subject"), .object(subject))
    return PolicyQuery(path: ["cadre", decision, "decision"], input: .object(input), tenant: "\(tenant)")
  }
}
