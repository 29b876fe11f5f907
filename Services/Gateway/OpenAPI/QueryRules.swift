package import Contracts
package import HTTP
internal import HTTPWire

/// Refuses query items that an address does not know, and single ones that come twice: a filter that is misspelled would
/// otherwise be a list of everything.
package struct QueryRules: Sendable {
  /// Bytes of a name that an answer repeats.
  private static let nameBytesMax = 64

  /// Whether an item may be repeated, by its name; addresses that pass every item on are not there.
  private let known: [RouteSpecification: [String: Bool]]

  /// The rules of all described addresses.
  package init() {
    var known: [RouteSpecification: [String: Bool]] = [:]
    for route in OperationTable.routes {
      let operation = OperationTable.operation(of: route)
      guard !operation.isQueryOpen else { continue }
      known[route] = Dictionary(operation.query.map { ($0.name, $0.isRepeated) }) { first, _ in first }
    }
    self.known = known
  }

  /// Throws a 400 `Problem` that names every item at fault.
  package func check(_ request: HTTPRequest, at route: RouteSpecification) throws(Problem) {
    guard let query = request.head.query, !query.isEmpty, let rules = known[route] else { return }
    let faults = QueryRules.faults(try request.query(), rules)
    guard !faults.isEmpty else { return }
    throw Problem(
      .invalidParameter, "A query item of the request is not known here; see \"errors\".", faults: faults)
  }

  static func faults(_ query: QueryItems, _ rules: [String: Bool]) -> [FieldFault] {
    var faults: [FieldFault] = []
    var seen: Set<String> = []
    for item in query.items {
      let isFirst = seen.insert(item.name).inserted
      let name = item.name.utf8.count <= nameBytesMax ? item.name : "\(item.name.prefix(nameBytesMax / 4))..."
      switch rules[item.name] {
      case nil where isFirst:
        faults.append(FieldFault(pointer: "?\(name)", code: "unknown", detail: advice(rules)))
      case false? where !isFirst:
        faults.append(FieldFault(pointer: "?\(name)", code: "repeated", detail: "It is given more than once."))
      default: continue
      }
    }
    return faults
  }

  private static func advice(_ rules: [String: Bool]) -> String {
    rules.isEmpty
      ? "This address has no query items." : "This address knows \(rules.keys.sorted().joined(separator: ", "))."
  }
}
