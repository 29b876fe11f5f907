public import Contracts
public import HTTPWire

/// Answers one request. Errors become problem documents: `Problem` as it is, anything else as a 500 without
/// details.
public typealias HTTPHandler = @Sendable (HTTPRequest) async throws -> HTTPResponse

/// What one route allows.
public struct RouteOptions: Hashable, Sendable {
  /// Largest request body, in bytes; more is refused with 413. Default 1 MiB.
  public var bodyBytesMax: Int
  /// Whether the handler is cancelled when the client goes away. For paid or long work; work that changes state goes
  /// on.
  public var cancelsOnDisconnect: Bool
  /// Whether requests count in metrics and traces; off for the admin endpoints.
  public var isObserved: Bool

  /// Makes options.
  public init(bodyBytesMax: Int = 1 << 20, cancelsOnDisconnect: Bool = false, isObserved: Bool = true) {
    self.bodyBytesMax = bodyBytesMax
    self.cancelsOnDisconnect = cancelsOnDisconnect
    self.isObserved = isObserved
  }

  /// What a declared route allows.
  public init(_ specification: RouteSpecification) {
    self.init(
      bodyBytesMax: specification.bodyBytesMax, cancelsOnDisconnect: specification.cancelsOnDisconnect)
  }
}

/// One method on one path pattern.
public struct Route: Sendable {
  /// The method answered.
  public let method: HTTPMethod
  /// The pattern, for example `/api/v1/tasks/{id}`; also the bounded label of metrics and spans.
  public let pattern: String
  /// What the route allows.
  public let options: RouteOptions
  /// The handler.
  public let handler: HTTPHandler
  /// Position in the router, for per-route tables.
  public internal(set) var index: Int
}

/// The values of a pattern's `{name}` parts, percent-decoded.
public struct PathParameters: Sendable {
  var values: [(name: String, value: String)] = []

  /// The value of a parameter; `nil` when the pattern has no such name.
  public subscript(_ name: String) -> String? { values.first { $0.name == name }?.value }
}

/// Finds the route of a method and a path: a trie over path segments in which literal parts win over parameters.
///
/// `{name}` matches one segment that is not empty; `{name*}` as the last part matches the rest, which may hold slashes.
public struct Router: Sendable {
  /// The outcome of a search.
  public enum Match: Sendable {
    /// The route and the values of its parameters.
    case found(Route, PathParameters)
    /// The path is known for other methods: the value of `Allow`.
    case otherMethods(String)
    /// No route has this path.
    case unknownPath
    /// A segment is not valid percent-encoding.
    case malformed
  }

  /// Deeper paths match nothing; bounds the work of a search.
  public static let segmentsMax = 32

  private struct Node: Sendable {
    var literals: [(segment: [UInt8], node: Int)] = []
    var parameter: (name: String, node: Int)?
    var rest: (name: String, node: Int)?
    var routes: [Int] = []
  }

  private var nodes: [Node] = [Node()]
  /// All routes in the order of their registration.
  public private(set) var routes: [Route] = []

  /// The declared addresses by method and pattern, when only those may be registered.
  private var declared: [String: RouteSpecification]?
  private var undeclared: [String] = []

  /// Makes an empty router.
  public init() {}

  /// Makes an empty router for declared addresses: what their routes allow is what their declarations say. `check`
  /// finds out whether all of them, and no others, were registered.
  public init(declared specifications: [RouteSpecification]) {
    declared = Dictionary(specifications.map { ($0.description, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// Adds a route. A pattern that is registered twice for a method stops the process: a programming error.
  public mutating func on(
    _ method: HTTPMethod, _ pattern: String, _ options: RouteOptions? = nil,
    _ handler: @escaping HTTPHandler
  ) {
    let options = declaredOptions(method, pattern, options)
    // Routes are declared by our own code, at the start of the process.
    precondition(pattern.hasPrefix("/"), "a pattern starts with a slash: \(pattern)")
    var node = 0
    let parts = pattern.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
    for part in parts where !(parts.count == 1 && part.isEmpty) {
      node = child(of: node, for: part)
    }
    // Routes are declared by our own code, at the start of the process.
    precondition(!nodes[node].routes.contains { routes[$0].method == method }, "\(method) \(pattern) exists")
    nodes[node].routes.append(routes.count)
    routes.append(
      Route(method: method, pattern: pattern, options: options, handler: handler, index: routes.count))
  }

  private mutating func declaredOptions(
    _ method: HTTPMethod, _ pattern: String, _ options: RouteOptions?
  ) -> RouteOptions {
    guard let declared else { return options ?? RouteOptions() }
    guard let specification = declared["\(method.name) \(pattern)"] else {
      undeclared.append("\(method.name) \(pattern) is registered and not declared")
      return options ?? RouteOptions()
    }
    let own = RouteOptions(specification)
    if let options, options != own {
      undeclared.append("\(specification) is registered with other options than declared")
    }
    return own
  }

  /// Checks that the declared addresses, all of them and no others, are registered. Throws what differs.
  public func check() throws(RouteMismatch) {
    let registered = Set(routes.map { "\($0.method.name) \($0.pattern)" })
    let missing = (declared ?? [:]).keys.filter { !registered.contains($0) }.sorted()
    let differences = undeclared + missing.map { "\($0) is declared and not registered" }
    if !differences.isEmpty { throw RouteMismatch(differences: differences) }
  }

  private mutating func child(of node: Int, for part: Substring) -> Int {
    if part.hasPrefix("{") {
      // Routes are declared by our own code, at the start of the process.
      precondition(part.hasSuffix("}"), "a parameter fills its segment: \(part)")
      let isRest = part.hasSuffix("*}")
      let name = String(part.dropFirst().dropLast(isRest ? 2 : 1))
      if let known = isRest ? nodes[node].rest : nodes[node].parameter {
        // Routes are declared by our own code, at the start of the process.
        precondition(known.name == name, "one name per position: \(known.name) and \(name)")
        return known.node
      }
      nodes.append(Node())
      if isRest { nodes[node].rest = (name, nodes.count - 1) } else { nodes[node].parameter = (name, nodes.count - 1) }
      return nodes.count - 1
    }
    let segment = Array(part.utf8)
    if let known = nodes[node].literals.first(where: { $0.segment == segment }) { return known.node }
    nodes.append(Node())
    nodes[node].literals.append((segment, nodes.count - 1))
    return nodes.count - 1
  }

  /// Finds the route of a request head. `HEAD` falls back to `GET`.
  public func match(_ head: RequestHead) -> Match {
    head.withPathBytes { match(head.method, path: $0) }
  }

  /// Finds the route of a method and a raw path.
  public func match(_ method: HTTPMethod, path: UnsafeRawBufferPointer) -> Match {
    guard path.first == UInt8(ascii: "/") else { return .unknownPath }
    var captures: [(name: String, range: Range<Int>)] = []
    guard let node = descend(from: 0, path, 1, depth: 0, &captures) else { return .unknownPath }
    let candidates = nodes[node].routes
    let index =
      candidates.first { routes[$0].method == method }
      ?? (method == .head ? candidates.first { routes[$0].method == .get } : nil)
    guard let index else {
      return .otherMethods(candidates.map { "\(routes[$0].method)" }.sorted().joined(separator: ", "))
    }
    var parameters = PathParameters()
    for capture in captures {
      guard let value = try? PercentEncoding.decode(UnsafeRawBufferPointer(rebasing: path[capture.range])) else {
        return .malformed
      }
      parameters.values.append((capture.name, value))
    }
    return .found(routes[index], parameters)
  }

  private func descend(
    from node: Int, _ path: UnsafeRawBufferPointer, _ start: Int, depth: Int,
    _ captures: inout [(name: String, range: Range<Int>)]
  ) -> Int? {
    if start >= path.count {
      // "/" ends at the root, while "/a/" has an empty segment after its last slash and is another path than "/a".
      if depth == 0 || start > path.count { return nodes[node].routes.isEmpty ? nil : node }
    }
    guard depth < Router.segmentsMax else { return nil }
    var end = start
    while end < path.count, path[end] != UInt8(ascii: "/") { end += 1 }
    let segment = path[start..<end]
    for literal in nodes[node].literals where literal.segment.elementsEqual(segment) {
      if let found = descend(from: literal.node, path, end + 1, depth: depth + 1, &captures) { return found }
    }
    if let parameter = nodes[node].parameter, !segment.isEmpty {
      captures.append((parameter.name, start..<end))
      if let found = descend(from: parameter.node, path, end + 1, depth: depth + 1, &captures) { return found }
      captures.removeLast()
    }
    if let rest = nodes[node].rest {
      captures.append((rest.name, start..<path.count))
      return rest.node
    }
    return nil
  }
}
