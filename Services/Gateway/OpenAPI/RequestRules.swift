package import Contracts
package import HTTP
internal import HTTPWire

/// Refuses query items that an address does not know, and single ones that come twice: a filter that is misspelled
/// would otherwise be a list of everything. Also keys of requests that no store takes.
package struct RequestRules: Sendable {
  /// Bytes of a name that an answer repeats.
  private static let nameBytesMax = 64

  struct Rule: Sendable {
    let isRepeated: Bool
    let bytesMax: Int
  }

  /// Rules of items by their names; addresses that pass every item on are not there.
  private let known: [RouteSpecification: [String: Rule]]

  /// The rules of all described addresses.
  package init() {
    var known: [RouteSpecification: [String: Rule]] = [:]
    for route in OperationTable.routes {
      let operation = OperationTable.operation(of: route)
      guard !operation.isQueryOpen else { continue }
      known[route] = Dictionary(
        operation.query.map { ($0.name, Rule(isRepeated: $0.isRepeated, bytesMax: $0.schema.lengthMax ?? .max)) }
      ) { first, _ in first }
    }
    self.known = known
  }

  /// Throws a 400 `Problem` that names every item at fault.
  package func check(_ request: HTTPRequest, at route: RouteSpecification) throws(Problem) {
    if !route.isModelRoute, let key = request.headers[.idempotencyKey], !(1...255).contains(key.utf8.count) {
      throw .badParameter("Idempotency-Key", "The key must have 1 to 255 bytes.")
    }
    guard let query = request.head.query, !query.isEmpty, let rules = known[route] else { return }
    let faults = RequestRules.faults(try request.query(), rules)
    guard !faults.isEmpty else { return }
    throw Problem(
      .invalidParameter, "A query item of the request is not valid here; see \"errors\".", faults: faults)
  }

  static func faults(_ query: QueryItems, _ rules: [String: Rule]) -> [FieldFault] {
    var faults: [FieldFault] = []
    var seen: Set<String> = []
    for item in query.items {
      let isFirst = seen.insert(item.name).inserted
      let name = item.name.utf8.count <= nameBytesMax ? item.name : "\(item.name.prefix(nameBytesMax / 4))..."
      guard let rule = rules[item.name] else {
        if isFirst { faults.append(FieldFault(pointer: "?\(name)", code: "unknown", detail: advice(rules))) }
        continue
      }
      if !isFirst, !rule.isRepeated {
        faults.append(FieldFault(pointer: "?\(name)", code: "repeated", detail: "It is given more than once."))
      }
      if item.value.utf8.count > rule.bytesMax {
        faults.append(
          FieldFault(pointer: "?\(name)", code: "too_long", detail: "At most \(rule.bytesMax) bytes are allowed."))
      }
    }
    return faults
  }

  private static func advice(_ rules: [String: Rule]) -> String {
    rules.isEmpty
      ? "This address has no query items." : "This address knows \(rules.keys.sorted().joined(separator: ", "))."
  }
}
