/// Puts the statements of a body into an order in which every variable has its value before it is needed, and makes
/// them ready to be evaluated.
struct Planner {
  let root: RuleNode
  let file: String
  let labels: [Int: String]
  /// Groups that the rule needs.
  private(set) var needs: Set<Int> = []
  /// What the rule depends on beside them.
  private(set) var traits = PolicyTraits()
  /// The places that are counted; `nil` when nothing is.
  private(set) var points: [CoveragePoint]?
  /// How many bodies stand around the one that is planned.
  private var depth = 0
  /// The statement in which the planned one stands.
  private var enclosing: PolicyPlace?

  init(root: RuleNode, file: String, labels: [Int: String], points: [CoveragePoint]? = nil) {
    self.root = root
    self.file = file
    self.labels = labels
    self.points = points
  }

  /// A step that counts that a place was reached; none when nothing is counted.
  mutating func mark(_ kind: CoveragePoint.Kind, _ place: PolicyPlace) -> [Step] {
    guard let count = points?.count else { return [] }
    points?.append(CoveragePoint(kind: kind, file: file, place: place, depth: max(0, depth - 1)))
    return [Step(kind: .mark(count), place: place)]
  }

  private func unsafe(_ variables: Set<Int>, _ place: PolicyPlace) -> PolicyError {
    let names = variables.compactMap { labels[$0] }.map { $0.hasPrefix("$") ? "_" : $0 }.sorted()
    return PolicyError(
      code: .unsafe, file: file, place: place, message: "var \(names.first ?? "_") is unsafe: nothing gives it a value")
  }

  // MARK: Order

  /// Plans a body. `bound` are the variables that have a value; those that get one are added.
  mutating func steps(_ body: [ResolvedStatement], _ bound: inout Set<Int>) throws(PolicyError) -> [Step] {
    var rest = body
    var steps: [Step] = []
    depth += 1
    defer { depth -= 1 }
    while !rest.isEmpty {
      guard let place = rest.firstIndex(where: { missing($0, bound).isEmpty }) else {
        let missing = missing(rest[0], bound)
        throw unsafe(missing, rest[0].place)
      }
      let statement = rest.remove(at: place)
      let outer = enclosing
      enclosing = statement.place
      defer { enclosing = outer }
      steps += try self.steps(statement, &bound)
      // What a statement is made of stands at its own place: it counts once.
      if statement.place != outer { steps += mark(.expression, statement.place) }
    }
    return steps
  }

  /// The variables for which a statement has to wait; empty when it may be next.
  private func missing(_ statement: ResolvedStatement, _ bound: Set<Int>) -> Set<Int> {
    switch statement.kind {
    case .term(let term): return inputs(term).subtracting(bound)
    case .unify(let left, let right):
      let first = missing(pattern: left, value: right, bound)
      return first.isEmpty ? [] : missing(pattern: right, value: left, bound).isEmpty ? [] : first
    case .someIn(let key, let value, let collection):
      var inputs: Set<Int> = []
      var outputs: Set<Int> = []
      key?.collect(isPattern: true, &inputs, &outputs)
      value.collect(isPattern: true, &inputs, &outputs)
      return inputs.union(self.inputs(collection)).subtracting(bound)
    case .every(_, _, let domain, let body, let locals):
      var all: Set<Int> = []
      for inner in body { inner.collectAll(&all) }
      return all.subtracting(locals).union(inputs(domain)).subtracting(bound)
    case .not(let body):
      // What is hoisted out of the terms only exists inside.
      var all: Set<Int> = []
      for inner in body { inner.collectAll(&all) }
      return all.filter { labels[$0] != "$" }.subtracting(bound)
    case .with(let withs, let body):
      var inputs: Set<Int> = []
      for with in withs { if case .value(let value) = with.replacement { inputs.formUnion(self.inputs(value)) } }
      inputs.subtract(bound)
      var inner = bound
      var rest = body
      while let place = rest.firstIndex(where: { missing($0, inner).isEmpty }) {
        inner.formUnion(outputs(rest.remove(at: place)))
      }
      return rest.first.map { inputs.union(missing($0, inner)) } ?? inputs
    }
  }

  private func inputs(_ term: Resolved) -> Set<Int> {
    var inputs: Set<Int> = []
    var outputs: Set<Int> = []
    term.collect(isPattern: false, &inputs, &outputs)
    return inputs
  }

  private func missing(pattern: Resolved, value: Resolved, _ bound: Set<Int>) -> Set<Int> {
    var (valueInputs, valueOutputs, inputs, outputs) = (Set<Int>(), Set<Int>(), Set<Int>(), Set<Int>())
    value.collect(isPattern: false, &valueInputs, &valueOutputs)
    pattern.collect(isPattern: true, &inputs, &outputs)
    return valueInputs.union(inputs.subtracting(valueOutputs)).subtracting(bound)
  }

  /// The variables that get a value by a statement.
  private func outputs(_ statement: ResolvedStatement) -> Set<Int> {
    var inputs: Set<Int> = []
    var outputs: Set<Int> = []
    switch statement.kind {
    case .term(let term): term.collect(isPattern: false, &inputs, &outputs)
    case .unify(let left, let right):
      left.collect(isPattern: true, &inputs, &outputs)
      right.collect(isPattern: true, &inputs, &outputs)
    case .someIn(let key, let value, let collection):
      key?.collect(isPattern: true, &inputs, &outputs)
      value.collect(isPattern: true, &inputs, &outputs)
      collection.collect(isPattern: false, &inputs, &outputs)
    case .every, .not: break
    case .with(_, let body): for inner in body { outputs.formUnion(self.outputs(inner)) }
    }
    return outputs
  }

  // MARK: Steps

  private mutating func steps(_ statement: ResolvedStatement, _ bound: inout Set<Int>) throws(PolicyError) -> [Step] {
    try kinds(statement, &bound).map { Step(kind: $0, place: statement.place) }
  }

  private mutating func kinds(
    _ statement: ResolvedStatement, _ bound: inout Set<Int>
  ) throws(PolicyError) -> [Step.Kind] {
    switch statement.kind {
    case .term(.constant(.bool(true))): return []
    case .term(let term):
      let operation = try operation(term, &bound)
      return [operation.isDirect ? .test(operation) : .testEach(operation)]
    case .unify(let left, let right):
      if missing(pattern: left, value: right, bound).isEmpty { return [try match(left, right, &bound)] }
      return [try match(right, left, &bound)]
    case .someIn(let key, let value, let collection):
      let values = try operation(collection, &bound)
      let keyPattern = try key.map { term throws(PolicyError) in try operation(term, &bound, isPattern: true) }
      return [.iterate(key: keyPattern, value: try operation(value, &bound, isPattern: true), values)]
    case .every(let key, let value, let domain, let body, _):
      let values = try operation(domain, &bound)
      var inner = bound
      let keyPattern = try key.map { term throws(PolicyError) in try operation(term, &inner, isPattern: true) }
      let valuePattern = try operation(value, &inner, isPattern: true)
      return [.every(key: keyPattern, value: valuePattern, values, try steps(body, &inner))]
    case .not(let body):
      var inner = bound
      return [.not(try steps(body, &inner))]
    case .with(let withs, let body):
      var planned: [PlannedWith] = []
      for with in withs {
        switch with.replacement {
        case .value(let value):
          planned.append(PlannedWith(target: with.target, replacement: .value(try operation(value, &bound))))
        case .callee(let callee):
          if case .function(let group) = callee { needs.insert(group.id) }
          if case .builtIn(let builtIn) = callee, builtIn.isVolatile { traits.isDeterministic = false }
          planned.append(PlannedWith(target: with.target, replacement: .callee(callee)))
        }
      }
      return [.with(planned, try steps(body, &bound))]
    }
  }

  private mutating func match(
    _ pattern: Resolved, _ value: Resolved, _ bound: inout Set<Int>
  ) throws(PolicyError) -> Step.Kind {
    let values = try operation(value, &bound)
    if case .call(.builtIn(let builtIn), _) = value, builtIn.isRelation {
      return .iterate(key: nil, value: try operation(pattern, &bound, isPattern: true), values)
    }
    let planned = try operation(pattern, &bound, isPattern: true)
    guard values.isDirect else { return .matchEach(planned, values) }
    if case .bind(let slot) = planned { return .assign(slot, values) }
    return .match(planned, values)
  }

  // MARK: Operations

  mutating func operation(
    _ term: Resolved, _ bound: inout Set<Int>, isPattern: Bool = false
  ) throws(PolicyError) -> Operation {
    switch term {
    case .constant(let value): return .constant(value)
    case .local(let variable):
      if bound.contains(variable) { return .slot(variable) }
      guard isPattern else { throw unsafe([variable], PolicyPlace(line: 1, column: 1)) }
      bound.insert(variable)
      return .bind(variable)
    case .array(let list): return .array(try operations(list, &bound, isPattern: isPattern))
    case .set(let list): return .set(try operations(list, &bound, isPattern: false))
    case .object(let pairs):
      var planned: [(Operation, Operation)] = []
      for (key, value) in pairs {
        planned.append((try operation(key, &bound), try operation(value, &bound, isPattern: isPattern)))
      }
      return .object(planned)
    case .input(let keys):
      if case .constant(.string(let name))? = keys.first {
        traits.inputMembers?.insert(name)
      } else {
        traits.inputMembers = nil
      }
      return .input(try self.keys(keys, &bound))
    case .data(let keys): return .data(try path(keys, &bound))
    case .lookup(let head, let keys):
      let planned = try operation(head, &bound)
      return .lookup(planned, try self.keys(keys, &bound))
    case .call(.builtIn(let builtIn), let list):
      if builtIn.isVolatile { traits.isDeterministic = false }
      return .builtIn(builtIn, try operations(list, &bound, isPattern: false))
    case .call(.function(let group), let list):
      needs.insert(group.id)
      return .function(group, try operations(list, &bound, isPattern: false))
    case .comprehension(let kind, let heads, let body, _):
      var inner = bound
      let planned = try steps(body, &inner)
      return .comprehension(kind, try operations(heads, &inner, isPattern: false), planned)
    case .template(let pieces):
      var planned: [PlannedPiece] = []
      for piece in pieces {
        switch piece {
        case .text(let text): planned.append(.text(text))
        case .value(let body, let variable, _):
          var inner = bound
          planned.append(.value(try steps(body, &inner), variable))
        }
      }
      return .template(planned)
    }
  }

  mutating func operations(
    _ list: [Resolved], _ bound: inout Set<Int>, isPattern: Bool
  ) throws(PolicyError) -> [Operation] {
    var planned: [Operation] = []
    for term in list { planned.append(try operation(term, &bound, isPattern: isPattern)) }
    return planned
  }

  private mutating func keys(_ keys: [Resolved], _ bound: inout Set<Int>) throws(PolicyError) -> [Operation] {
    var planned: [Operation] = []
    for key in keys {
      switch key {
      case .local, .array, .object: planned.append(try operation(key, &bound, isPattern: true))
      default: planned.append(try operation(key, &bound))
      }
    }
    return planned
  }

  /// A path below `data`: followed into the tree of rules as far as it is fixed.
  private mutating func path(_ keys: [Resolved], _ bound: inout Set<Int>) throws(PolicyError) -> DataPath {
    var node: RuleNode? = root
    var fixed: [String] = []
    for key in keys {
      guard case .constant(.string(let name)) = key, let current = node, current.group == nil,
        let child = current.children[name]
      else { break }
      node = child
      fixed.append(name)
    }
    let rest = Array(keys.dropFirst(fixed.count))
    note(node, rest[...])
    let planned = try self.keys(rest, &bound)
    return DataPath(node: node, fixed: fixed, keys: planned)
  }

  /// Notes what a path needs.
  private mutating func note(_ node: RuleNode?, _ rest: ArraySlice<Resolved>) {
    guard let node else { return }
    guard let key = rest.first else { return node.groups { needs.insert($0.id) } }
    if case .constant(let constant) = key {
      if let name = constant.string, let child = node.children[name] { return note(child, rest.dropFirst()) }
      if let group = node.group { needs.insert(group.id) }
      return
    }
    if let group = node.group { needs.insert(group.id) }
    for name in node.names { note(node.children[name], rest.dropFirst()) }
  }
}
