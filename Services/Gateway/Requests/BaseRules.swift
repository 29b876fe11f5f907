internal import Contracts
internal import HTTP
internal import HTTPWire

/// What holds whatever the policies say, and when none are asked: addresses of operators are for operators, and who may
/// only read changes nothing. Policies can allow less, never more.
enum BaseRules {
  /// POSTs that only read or compute.
  private static let readingEnds = ["/validate", "/preview", "/compatibility", "/replay", "/explain"]

  /// Throws a 403 `Problem`.
  static func check(_ identity: Identity, _ route: RouteSpecification) throws(Problem) {
    switch route.access {
    case .operator:
      guard identity.caller?.has(.operator) ?? false else { throw Problem(.operatorRequired) }
    case .tenant:
      guard isChange(route) else { return }
      let canChange = identity.role != .viewer && !identity.grants.isDisjoint(with: [.write, .approve, .admin])
      guard canChange else { throw Problem(.accessDenied, "The credential may only read.") }
    case .models, .worker, .step, .anonymous: return
    }
  }

  private static func isChange(_ route: RouteSpecification) -> Bool {
    switch route.method {
    case .get, .head, .options: return false
    case .post: return route != Routes.mcp && !readingEnds.contains { route.pattern.hasSuffix($0) }
    default: return true
    }
  }
}
