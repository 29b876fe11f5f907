/// Calls of functions.
extension Resolver {
  mutating func call(_ name: [String], _ list: [Node], _ place: PolicyPlace) throws(PolicyError) -> Resolved {
    let (callee, arguments, output) = try parts(name, list, place)
    guard let output else { return .call(callee, arguments) }
    // The result is given as an argument behind the others.
    before.append(ResolvedStatement(kind: .unify(output, .call(callee, arguments)), place: place))
    return .constant(.bool(true))
  }

  /// What `not` encloses of an expression: the call or comparison itself. References and calls that it is given become
  /// statements of their own before it. A reference that is compared or stands alone is looked up inside.
  mutating func negated(_ node: Node) throws(PolicyError) -> ResolvedStatement.Kind {
    guard case .call(let name, let list) = node.term else { return .term(try top(node)) }
    let (callee, arguments, output) = try parts(name, list, node.place)
    return output.map { .unify($0, .call(callee, arguments)) } ?? .term(.call(callee, arguments))
  }

  private mutating func parts(
    _ name: [String], _ list: [Node], _ place: PolicyPlace
  ) throws(PolicyError) -> (callee: Callee, arguments: [Resolved], output: Resolved?) {
    var path = name
    if !isDeclared(name[0]), let global = names.global(name[0]) { path = global + name.dropFirst() }
    let dotted = name.joined(separator: ".")
    let callee: Callee
    let arity: ClosedRange<Int>
    if let group = names.function(path), case .function(let count) = group.kind {
      callee = .function(group)
      arity = count...count
    } else if let builtIn = BuiltIns.all[dotted] {
      callee = .builtIn(builtIn)
      arity = builtIn.arity
    } else {
      throw fault(.type, place, "undefined function \(dotted)")
    }
    var isComparison = false
    if case .builtIn(let builtIn) = callee { isComparison = builtIn.name == "equal" }
    var arguments: [Resolved] = []
    for node in list { arguments.append(takesOut && isComparison ? try top(node) : try inner(node)) }
    if arity.contains(arguments.count) { return (callee, arguments, nil) }
    guard arguments.count == arity.upperBound + 1, let output = arguments.popLast() else {
      throw fault(.type, place, "\(dotted): \(arguments.count) arguments; \(arity.upperBound) are expected")
    }
    return (callee, arguments, output)
  }
}
