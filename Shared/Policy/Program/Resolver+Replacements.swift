/// What statements see in place of something else.
extension Resolver {
  mutating func with(_ with: With) throws(PolicyError) -> ResolvedWith {
    let path = try fixedPath(with.target)
    let place = with.target.place
    let target: ResolvedWith.Target
    if path.first == "input" {
      target = .input(Array(path.dropFirst()))
    } else if let group = names.function(path) {
      target = .function(group)
    } else if path.first == "data" {
      target = .data(Array(path.dropFirst()))
    } else if BuiltIns.all[path.joined(separator: ".")] != nil {
      target = .builtIn(path.joined(separator: "."))
    } else {
      throw fault(.type, place, "with keyword target must reference existing input, data, or a function")
    }
    let isFunction: Bool =
      switch target {
      case .builtIn, .function: true
      default: false
      }
    if isFunction, let named = try? fixedPath(with.value) {
      if let group = names.function(named) {
        return ResolvedWith(target: target, replacement: .callee(.function(group)))
      }
      if let builtIn = BuiltIns.all[named.joined(separator: ".")] {
        return ResolvedWith(target: target, replacement: .callee(.builtIn(builtIn)))
      }
    }
    return ResolvedWith(target: target, replacement: .value(try inner(with.value)))
  }

  /// The dotted path that a node is, with aliases and names of the package resolved.
  private func fixedPath(_ node: Node) throws(PolicyError) -> [String] {
    var path: [String]
    switch node.term {
    case .variable(let name): path = [name]
    case .reference(let head, let keys):
      guard case .variable(let name) = head.term else { throw fault(.compile, node.place, "a path is expected") }
      path = [name]
      for key in keys {
        guard case .scalar(.string(let text)) = key.term else {
          throw fault(.compile, node.place, "a path is expected")
        }
        path.append(text)
      }
    default: throw fault(.compile, node.place, "a path is expected")
    }
    guard !isDeclared(path[0]) else { throw fault(.compile, node.place, "a path is expected") }
    if let global = names.global(path[0]) { path = global + path.dropFirst() }
    return path
  }
}
