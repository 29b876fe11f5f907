package import Contracts

/// What the document says of every public address.
package enum OperationTable {
  private static let described: [String: Operation] = Dictionary(
    RunOperations.all + WorkspaceOperations.all + ModelOperations.all + EdgeOperations.all
      + AccountOperations.all + PolicyOperations.all,
    uniquingKeysWith: { first, _ in first })

  /// Every address from outside, in the order of its declaration.
  package static let routes: [RouteSpecification] = Routes.forwarded + Routes.gateway

  /// The operation of an address. One that is declared and not described yet is there with its name, its parameters and
  /// its problems.
  package static func operation(of route: RouteSpecification) -> Operation {
    described[route.description] ?? .undescribed(route)
  }

  /// Whether an address is described.
  package static func isDescribed(_ route: RouteSpecification) -> Bool { described[route.description] != nil }

  /// Descriptions of addresses that are not declared.
  package static let undeclared: [String] = {
    let declared = Set(routes.map(\.description))
    return described.keys.filter { !declared.contains($0) }.sorted()
  }()
}

extension Operation {
  fileprivate static func undescribed(_ route: RouteSpecification) -> Operation {
    let parts = route.pattern.split(whereSeparator: { "/{}*-_.".contains($0) }).filter { $0 != "api" && $0 != "v1" }
    let name = "\(route.method)".lowercased() + parts.map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    return Operation(name, "Edge").takesAnyQuery
  }
}
