/// Modules of Rego, checked and ready to be evaluated. The same for as long as it lives, and shared by all threads.
public final class PolicyProgram: Sendable {
  /// Bytes of a module.
  public static let moduleBytesMax = 1 << 20

  let root: RuleNode
  let groups: [RuleGroup]
  /// What evaluations have read of expressions.
  let patterns = PatternCache()
  /// The rules and expressions that are counted; empty in a program that measures nothing.
  public let points: [CoveragePoint]

  /// Reads and checks modules, each a name and its text. Throws the first fault. A program that measures its coverage
  /// is slower; others pay nothing for it.
  public init(
    _ modules: [(file: String, text: [UInt8])], measuresCoverage: Bool = false
  ) throws(PolicyError) {
    var trees: [ModuleTree] = []
    for (file, text) in modules {
      guard text.count <= PolicyProgram.moduleBytesMax else {
        throw PolicyError(
          code: .limit, file: file, place: PolicyPlace(line: 1, column: 1),
          message: "the module has \(text.count) bytes; \(PolicyProgram.moduleBytesMax) are allowed")
      }
      trees.append(try Parser.module(text, file: file))
    }
    var builder = ProgramBuilder(points: measuresCoverage ? [] : nil)
    try builder.build(trees)
    root = builder.root
    groups = builder.groups
    points = builder.points ?? []
  }
}

/// Builds the tree of rules.
struct ProgramBuilder {
  let root = RuleNode()
  private(set) var groups: [RuleGroup] = []
  private(set) var points: [CoveragePoint]?

  init(points: [CoveragePoint]?) { self.points = points }

  mutating func build(_ trees: [ModuleTree]) throws(PolicyError) {
    root.isPackage = true
    for tree in trees {
      var node = root
      for name in tree.package {
        node = node.child(name)
        node.isPackage = true
      }
      for rule in tree.rules { try declare(rule, in: node, tree) }
    }
    try checkShapes(root, file: trees.first?.file ?? "")
    for tree in trees {
      var rules: Set<String> = []
      // Of all modules of the package.
      for other in trees where other.package == tree.package {
        for rule in other.rules { if case .scalar(.string(let name)) = rule.reference[0].term { rules.insert(name) } }
      }
      let imports = Dictionary(tree.imports.map { ($0.alias, $0.path) }, uniquingKeysWith: { $1 })
      let names = Names(
        file: tree.file, package: tree.package, imports: imports, rules: rules, root: root,
        negatesOperands: tree.negatesOperands)
      for rule in tree.rules { try define(rule, names, tree) }
    }
    for group in groups {
      group.index = RuleIndex(group.definitions)
      var values: Set<RegoValue> = []
      var isConstant = true
      for definition in group.definitions {
        for branch in definition.branches {
          if case .constant(let value) = branch.value { values.insert(value) } else { isConstant = false }
        }
      }
      group.hasOneValue = isConstant && values.count <= 1 && group.definitions.allSatisfy { $0.branches.count == 1 }
    }
    try checkRecursion()
  }

  // MARK: Names of rules

  /// The fixed part of a rule's reference and what follows it.
  private func split(_ rule: Rule) -> (fixed: [String], keys: [Node]) {
    var fixed: [String] = []
    for (place, node) in rule.reference.enumerated() {
      guard case .scalar(.string(let name)) = node.term else { return (fixed, Array(rule.reference[place...])) }
      // The last part of `p[x]` is a key, not a name; of `p.q` it is a name.
      fixed.append(name)
    }
    return (fixed, [])
  }

  private func kind(_ rule: Rule, _ keys: [Node]) -> RuleGroup.Kind {
    if case .function(let arguments) = rule.kind { return .function(arguments.count) }
    if !keys.isEmpty { return .object }
    if case .set = rule.kind { return .set }
    return .complete
  }

  private mutating func declare(_ rule: Rule, in package: RuleNode, _ tree: ModuleTree) throws(PolicyError) {
    let (fixed, keys) = split(rule)
    var node = package
    for name in fixed { node = node.child(name) }
    let kind = kind(rule, keys)
    let path = ["data"] + tree.package + fixed
    guard let group = node.group else {
      let group = RuleGroup(id: groups.count, path: path, kind: kind)
      node.group = group
      groups.append(group)
      return
    }
    guard group.kind == kind else {
      let what =
        switch (group.kind, kind) {
        case (.function, .function): "function \(group.name) has definitions with different numbers of arguments"
        default: "conflicting rules \(group.name) found"
        }
      throw PolicyError(code: .type, file: tree.file, place: rule.place, message: what)
    }
  }

  /// A rule with one value, a set or a function has nothing below it.
  private func checkShapes(_ node: RuleNode, file: String) throws(PolicyError) {
    if let group = node.group, !node.names.isEmpty, group.kind != .object {
      throw PolicyError(
        code: .type, file: file, place: PolicyPlace(line: 1, column: 1),
        message: "rule \(group.name) conflicts with rules below it")
    }
    if let group = node.group, node.isPackage {
      throw PolicyError(
        code: .type, file: file, place: PolicyPlace(line: 1, column: 1),
        message: "package conflicts with rule \(group.name)")
    }
    for name in node.names { if let child = node.children[name] { try checkShapes(child, file: file) } }
  }

  // MARK: Definitions

  private mutating func define(_ rule: Rule, _ names: Names, _ tree: ModuleTree) throws(PolicyError) {
    let (fixed, keys) = split(rule)
    var node = root
    for name in tree.package + fixed { node = node.child(name) }
    guard let group = node.group else { return }
    var arguments: [Node] = []
    // An argument that is no pattern is compared behind the body.
    var computed: [Statement] = []
    if case .function(let list) = rule.kind {
      for (place, node) in list.enumerated() {
        switch node.term {
        case .template, .call, .reference, .comprehension:
          let variable = Node(term: .variable("$argument\(place)"), place: node.place)
          computed.append(Statement(kind: .unify(variable, node), place: node.place))
          arguments.append(variable)
        default: arguments.append(node)
        }
      }
    }
    var element: Node?
    if case .set(let node) = rule.kind { element = node }

    var resolver = Resolver(names)
    var branches: [(body: [ResolvedStatement], value: Resolved)] = []
    var resolvedKeys: [Resolved] = []
    var resolvedArguments: [Resolved] = []
    let all = [Branch(value: element ?? rule.value, body: rule.body, place: rule.place)] + rule.otherwise
    // The arguments and keys belong to every branch.
    resolver.open(using: [], heads: [])
    var declared: Set<String> = []
    for argument in arguments { try declare(argument, &resolver, &declared) }
    for argument in arguments { resolvedArguments.append(try resolver.term(argument)) }
    for branch in all {
      let heads = (branch.value.map { [$0] } ?? []) + (branches.isEmpty ? keys : [])
      let statements = branch.body + computed
      resolver.open(using: statements, heads: heads)
      var body = try resolver.body(statements)
      if branches.isEmpty { for key in keys { resolvedKeys.append(try resolver.head(key, behind: &body)) } }
      let value: Resolved
      if let node = branch.value {
        value = try resolver.head(node, behind: &body)
      } else {
        value = .constant(.bool(true))
      }
      branches.append((body, value))
      _ = resolver.close()
    }
    let firstPoint = points?.count ?? 0
    var planner = Planner(root: root, file: tree.file, labels: resolver.labels, points: points)
    var bound: Set<Int> = []
    let patterns = try planner.operations(resolvedArguments, &bound, isPattern: true)
    var planned: [PlannedBranch] = []
    var plannedKeys: [Operation] = []
    for (number, branch) in branches.enumerated() {
      var inner = bound
      let steps = try planner.steps(branch.body, &inner) + planner.mark(.rule, all[number].place)
      if number == 0 { plannedKeys = try planner.operations(resolvedKeys, &inner, isPattern: false) }
      let value: Operation
      do { value = try planner.operation(branch.value, &inner) } catch {
        throw PolicyError(code: error.code, file: tree.file, place: rule.place, message: error.message)
      }
      var isConstant = false
      if case .constant = value { isConstant = true }
      planned.append(
        PlannedBranch(
          steps: steps, value: value, isConstant: isConstant,
          place: number == 0 ? rule.place : rule.otherwise[number - 1].place))
    }
    group.needs.formUnion(planner.needs)
    group.traits.formUnion(planner.traits)
    points = planner.points
    let definition = Definition(
      keys: plannedKeys, addsToSet: element != nil, arguments: patterns, branches: planned, slots: resolver.count,
      rule: group.name, file: tree.file, place: rule.place, points: firstPoint..<(points?.count ?? 0))
    if rule.isDefault {
      guard group.standard == nil else {
        throw PolicyError(
          code: .type, file: tree.file, place: rule.place, message: "multiple default rules \(group.name) found")
      }
      group.standard = definition
    } else {
      group.definitions.append(definition)
    }
  }

  /// Declares the variables of an argument.
  private func declare(_ node: Node, _ resolver: inout Resolver, _ declared: inout Set<String>) throws(PolicyError) {
    switch node.term {
    case .variable(let name): if declared.insert(name).inserted { _ = resolver.declare(name) }
    case .array(let list): for element in list { try declare(element, &resolver, &declared) }
    case .object(let pairs): for (_, value) in pairs { try declare(value, &resolver, &declared) }
    default: break
    }
  }

  // MARK: Recursion

  private func checkRecursion() throws(PolicyError) {
    var state = [Int](repeating: 0, count: groups.count)
    for start in groups where state[start.id] == 0 {
      var stack: [(id: Int, rest: [Int])] = [(start.id, groups[start.id].needs.sorted())]
      state[start.id] = 1
      while let top = stack.last {
        guard let next = top.rest.first else {
          state[top.id] = 2
          stack.removeLast()
          continue
        }
        stack[stack.count - 1].rest.removeFirst()
        if state[next] == 1 {
          let from = stack.firstIndex { $0.id == next } ?? 0
          let cycle = stack[from...].map { groups[$0.id].name } + [groups[next].name]
          throw PolicyError(
            code: .recursion, file: groups[next].definitions.first?.file ?? "",
            place: groups[next].definitions.first?.place ?? PolicyPlace(line: 1, column: 1),
            message: "rule \(groups[next].name) is recursive: \(cycle.joined(separator: " -> "))")
        }
        if state[next] == 0 {
          state[next] = 1
          stack.append((next, groups[next].needs.sorted()))
        }
      }
    }
  }
}
