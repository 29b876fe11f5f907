/// Finds what every name of one rule stands for, and takes references that may have several values out of the terms in
/// which they stand.
struct Resolver {
  /// What a body declares.
  private final class Scope {
    var declared: [String: Int] = [:]
    /// Names that are used without declaration.
    var implicit: [String: Int] = [:]
    /// All variables that were made in it.
    var made: Set<Int> = []
  }

  let names: Names
  private var scopes: [Scope] = []
  private(set) var count = 0
  /// Statements that have to stand before the one that is being read.
  var before: [ResolvedStatement] = []
  /// Whether every reference and call inside a term becomes a statement before it, as under `not`.
  var takesOut = false
  /// The variables by their names, for what is said about them.
  private(set) var labels: [Int: String] = [:]

  init(_ names: Names) { self.names = names }

  /// The names of a query's own variables.
  private(set) var queryVariables: [String: Int] = [:]

  private mutating func make(_ name: String) -> Int {
    let variable = count
    count += 1
    labels[variable] = name
    for scope in scopes.suffix(1) { scope.made.insert(variable) }
    return variable
  }

  func fault(_ code: PolicyError.Code, _ place: PolicyPlace, _ message: String) -> PolicyError {
    PolicyError(code: code, file: names.file, place: place, message: message)
  }

  // MARK: Scopes

  mutating func open(using bodies: [Statement], heads: [Node]) {
    let scope = Scope()
    scopes.append(scope)
    var used: [String] = []
    for head in heads { Resolver.collect(head, &used) }
    for statement in bodies { Resolver.collect(statement, &used) }
    // What the body declares is known from there on.
    let declared = Resolver.declared(by: bodies)
    for name in used
    where !declared.contains(name) && find(name) == nil && !names.isGlobal(name) && scope.implicit[name] == nil {
      scope.implicit[name] = make(name)
    }
    if scopes.count == 1 { queryVariables = scope.implicit }
  }

  private static func declared(by body: [Statement]) -> Set<String> {
    var names: [String] = []
    for statement in body {
      switch statement.kind {
      case .assign(let target, _): collect(target, &names)
      case .some(let list): names += list
      case .someIn(let key, let value, _):
        if let key { collect(key, &names) }
        collect(value, &names)
      default: break
      }
    }
    return Set(names)
  }

  mutating func close() -> Set<Int> { scopes.popLast()?.made ?? [] }

  mutating func declare(_ name: String) -> Int {
    let variable = make(name)
    scopes.last?.declared[name] = variable
    return variable
  }

  private func find(_ name: String) -> Int? {
    for scope in scopes.reversed() {
      if let variable = scope.declared[name] ?? scope.implicit[name] { return variable }
    }
    return nil
  }

  func isDeclared(_ name: String) -> Bool { scopes.contains { $0.declared[name] != nil } }

  /// The names that are used directly, not in comprehensions and other bodies of their own.
  private static func collect(_ node: Node, _ names: inout [String]) {
    switch node.term {
    case .scalar, .comprehension, .template: break
    case .variable(let name): names.append(name)
    case .reference(let head, let path):
      collect(head, &names)
      for element in path { collect(element, &names) }
    case .array(let list), .set(let list): for element in list { collect(element, &names) }
    case .call(_, let list): for element in list { collect(element, &names) }
    case .object(let pairs):
      for (key, value) in pairs {
        collect(key, &names)
        collect(value, &names)
      }
    }
  }

  private static func collect(_ statement: Statement, _ names: inout [String]) {
    switch statement.kind {
    case .term(let node): collect(node, &names)
    case .unify(let left, let right):
      collect(left, &names)
      collect(right, &names)
    case .assign(_, let right): collect(right, &names)
    case .some: break
    case .someIn(_, _, let collection): collect(collection, &names)
    case .every(_, _, let domain, _): collect(domain, &names)
    }
    for with in statement.withs { collect(with.value, &names) }
  }

  // MARK: Bodies

  mutating func body(_ statements: [Statement]) throws(PolicyError) -> [ResolvedStatement] {
    var resolved: [ResolvedStatement] = []
    for statement in statements { resolved += try self.statement(statement) }
    return resolved
  }

  /// A term behind a body; what it needs first is added to the body.
  mutating func head(_ node: Node, behind body: inout [ResolvedStatement]) throws(PolicyError) -> Resolved {
    let outer = before
    before = []
    defer { before = outer }
    let term = try self.term(node)
    body += before
    if case .data = term { return try hoisted(term, node.place, into: &body) }
    if case .input = term { return try hoisted(term, node.place, into: &body) }
    if case .lookup = term { return try hoisted(term, node.place, into: &body) }
    return term
  }

  private mutating func hoisted(
    _ term: Resolved, _ place: PolicyPlace, into body: inout [ResolvedStatement]
  ) throws(PolicyError) -> Resolved {
    let variable = make("$")
    body.append(ResolvedStatement(kind: .unify(.local(variable), term), place: place))
    return .local(variable)
  }

  private mutating func statement(_ statement: Statement) throws(PolicyError) -> [ResolvedStatement] {
    let outer = (before: before, takesOut: takesOut)
    before = []
    takesOut = statement.isNegated && !names.negatesOperands
    defer { (before, takesOut) = (outer.before, outer.takesOut) }
    var made: [ResolvedStatement] = []
    func add(_ kind: ResolvedStatement.Kind) { made.append(ResolvedStatement(kind: kind, place: statement.place)) }
    switch statement.kind {
    case .some(let list):
      for name in list { _ = declare(name) }
      return []
    case .term(let node): if takesOut { add(try negated(node)) } else { add(.term(try top(node))) }
    case .unify(let left, let right):
      let (a, b) = (try top(left), try top(right))
      for kind in Resolver.pairs(a, b) { add(kind) }
    case .assign(let target, let value):
      let term = try top(value)
      try declareAll(target)
      let pattern = try top(target)
      for kind in Resolver.pairs(pattern, term) { add(kind) }
    case .someIn(let key, let value, let collection):
      let resolved = try top(collection)
      if let key { try declareAll(key, isSome: true) }
      try declareAll(value, isSome: true)
      add(.someIn(try key.map { node throws(PolicyError) in try term(node) }, try term(value), resolved))
    case .every(let key, let value, let domain, let body):
      let resolved = takesOut ? try inner(domain) : try top(domain)
      takesOut = false
      scopes.append(Scope())
      if let key { try declareAll(key) }
      try declareAll(value)
      open(using: body, heads: [])
      let (keyTerm, valueTerm) = (try key.map { node throws(PolicyError) in try term(node) }, try term(value))
      let statements = try self.body(body)
      let locals = close().union(close())
      add(.every(keyTerm, valueTerm, resolved, statements, locals: locals))
    }
    var all = before + made
    if statement.isNegated {
      // As OPA has it, what a call under `not` is given is no part of what is negated.
      all = names.negatesOperands ? [] : before
      let body = names.negatesOperands ? before + made : made
      all.append(ResolvedStatement(kind: .not(body), place: statement.place))
    }
    takesOut = false
    guard !statement.withs.isEmpty else { return all }
    var withs: [ResolvedWith] = []
    before = []
    for with in statement.withs { withs.append(try self.with(with)) }
    return before + [ResolvedStatement(kind: .with(withs, all), place: statement.place)]
  }

  /// Both sides taken apart as far as both are written out.
  private static func pairs(_ left: Resolved, _ right: Resolved) -> [ResolvedStatement.Kind] {
    switch (left, right) {
    case (.array(let a), .array(let b)) where a.count == b.count && !a.isEmpty:
      return zip(a, b).flatMap { pairs($0, $1) }
    case (.object(let a), .object(let b)) where a.count == b.count && !a.isEmpty:
      var kinds: [ResolvedStatement.Kind] = []
      for (key, value) in a {
        guard case .constant(let name) = key,
          let other = b.first(where: { if case .constant(let other) = $0.0 { other == name } else { false } })
        else { return [.unify(left, right)] }
        kinds += pairs(value, other.1)
      }
      return kinds
    default: return [.unify(left, right)]
    }
  }

  /// Declares the variables of a pattern.
  private mutating func declareAll(_ node: Node, isSome: Bool = false) throws(PolicyError) {
    switch node.term {
    case .variable(let name):
      if !isSome, scopes.last?.declared[name] != nil, !name.hasPrefix("$") {
        throw fault(.compile, node.place, "var \(name) assigned above")
      }
      _ = declare(name)
    case .array(let list): for element in list { try declareAll(element, isSome: isSome) }
    case .object(let pairs): for (_, value) in pairs { try declareAll(value, isSome: isSome) }
    case .scalar: break
    default:
      guard isSome else { throw fault(.compile, node.place, "cannot assign to this term") }
    }
  }

  // MARK: Terms

  /// A term where a statement has it directly: a reference with several values may stand there.
  mutating func top(_ node: Node) throws(PolicyError) -> Resolved {
    if takesOut, case .call = node.term { return try inner(node) }
    return try term(node)
  }

  /// A term inside another one.
  mutating func inner(_ node: Node) throws(PolicyError) -> Resolved {
    let term = try self.term(node)
    var all: Set<Int> = []
    if takesOut {
      switch term {
      case .input, .data, .lookup, .call: all = [-1]
      default: break
      }
    }
    switch term {
    case .input(let keys), .data(let keys): for key in keys { key.collectAll(&all) }
    case .lookup(_, let keys): for key in keys { key.collectAll(&all) }
    case .call(.builtIn(let builtIn), _) where builtIn.isRelation: all = [-1]
    default: break
    }
    guard !all.isEmpty else { return term }
    // The name of those that stand inside of `not` with it is "$".
    let variable = make(takesOut ? "$taken" : "$")
    before.append(ResolvedStatement(kind: .unify(.local(variable), term), place: node.place))
    return .local(variable)
  }

  mutating func inner(_ list: [Node]) throws(PolicyError) -> [Resolved] {
    var resolved: [Resolved] = []
    for node in list { resolved.append(try inner(node)) }
    return resolved
  }

  mutating func term(_ node: Node) throws(PolicyError) -> Resolved {
    switch node.term {
    case .scalar(let value): return .constant(value)
    case .variable(let name): return try variable(name, [], node.place)
    case .reference(let head, let keys):
      let resolved = try inner(keys)
      if case .variable(let name) = head.term { return try variable(name, resolved, node.place) }
      return .lookup(try inner(head), resolved)
    case .array(let list):
      let elements = try inner(list)
      return Resolver.constants(elements).map { .constant(.array($0)) } ?? .array(elements)
    case .set(let list):
      let elements = try inner(list)
      return Resolver.constants(elements).map { .constant(.set(RegoSet($0))) } ?? .set(elements)
    case .object(let pairs):
      var resolved: [(Resolved, Resolved)] = []
      for (key, value) in pairs { resolved.append((try inner(key), try inner(value))) }
      if let keys = Resolver.constants(resolved.map(\.0)), let values = Resolver.constants(resolved.map(\.1)) {
        return .constant(.object(RegoObject(Array(zip(keys, values)))))
      }
      return .object(resolved)
    case .call(let name, let list): return try call(name, list, node.place)
    case .comprehension(let kind, let heads, let statements):
      open(using: statements, heads: heads)
      let outer = (before: before, takesOut: takesOut)
      (before, takesOut) = ([], false)
      var body = try self.body(statements)
      var terms: [Resolved] = []
      for head in heads { terms.append(try self.head(head, behind: &body)) }
      (before, takesOut) = outer
      return .comprehension(kind, terms, body, locals: close())
    case .template(let pieces):
      var resolved: [ResolvedPiece] = []
      for piece in pieces {
        switch piece {
        case .text(let text): resolved.append(.text(text))
        case .value(let node, let withs):
          let outer = (before: before, takesOut: takesOut)
          (before, takesOut) = ([], false)
          open(using: [], heads: [node])
          let term = try self.term(node)
          let variable = make("$")
          var body = before + [ResolvedStatement(kind: .unify(.local(variable), term), place: node.place)]
          if !withs.isEmpty {
            before = []
            var replaced: [ResolvedWith] = []
            for with in withs { replaced.append(try self.with(with)) }
            body = before + [ResolvedStatement(kind: .with(replaced, body), place: node.place)]
          }
          (before, takesOut) = outer
          resolved.append(.value(body, variable, locals: close()))
        }
      }
      return .template(resolved)
    }
  }

  private static func constants(_ list: [Resolved]) -> [RegoValue]? {
    var values: [RegoValue] = []
    for element in list {
      guard case .constant(let value) = element else { return nil }
      values.append(value)
    }
    return values
  }

  private mutating func variable(
    _ name: String, _ keys: [Resolved], _ place: PolicyPlace
  ) throws(PolicyError) -> Resolved {
    if let variable = find(name) { return keys.isEmpty ? .local(variable) : .lookup(.local(variable), keys) }
    guard let path = names.global(name) else {
      let variable = make(name)
      scopes.last?.implicit[name] = variable
      return keys.isEmpty ? .local(variable) : .lookup(.local(variable), keys)
    }
    let fixed = path.dropFirst().map { Resolved.constant(.string($0)) } + keys
    return path.first == "input" ? .input(fixed) : .data(fixed)
  }
}
