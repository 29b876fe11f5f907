/// Calls of functions.
extension Resolver {
  mutating func call(_ name: [String], _ list: [Node], _ place: PolicyPlace) throws(PolicyError) -> Resolved {
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
    var arguments = try inner(list)
    if arity.contains(arguments.count) { return .call(callee, arguments) }
    guard arguments.count == arity.upperBound + 1, let output = arguments.popLast() else {
      throw fault(.type, place, "\(dotted): \(arguments.count) arguments; \(arity.upperBound) are expected")
    }
    // The result is given as an argument behind the others.
    before.append(ResolvedStatement(kind: .unify(output, .call(callee, arguments)), place: place))
    return .constant(.bool(true))
  }
}
