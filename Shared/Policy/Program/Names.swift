/// What names of a module stand for.
struct Names {
  let file: String
  let package: [String]
  /// Aliases of imports.
  let imports: [String: [String]]
  /// The first words of all rules of the package.
  let rules: Set<String>
  let root: RuleNode
  /// Whether `not` encloses all that its expression needs.
  var negatesOperands = false

  func isGlobal(_ name: String) -> Bool { global(name) != nil }

  /// The path that a name stands for, from `data` or `input` on.
  func global(_ name: String) -> [String]? {
    if name == "input" || name == "data" { return [name] }
    if rules.contains(name) { return ["data"] + package + [name] }
    return imports[name]
  }

  /// The function at a path from `data` on.
  func function(_ path: [String]) -> RuleGroup? {
    guard path.first == "data" else { return nil }
    var node = root
    for name in path.dropFirst() {
      guard let child = node.children[name] else { return nil }
      node = child
    }
    guard let group = node.group, case .function = group.kind else { return nil }
    return group
  }
}
