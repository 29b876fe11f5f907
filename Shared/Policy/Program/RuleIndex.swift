/// Which definitions of a rule can hold at all, by what they compare with constants: members of the input, arguments.
/// A rule with a thousand definitions for a thousand routes then looks at the few of one route.
indirect enum RuleIndex: Sendable {
  /// What is compared.
  enum Key: Hashable, Sendable {
    case input([RegoValue])
    case argument(Int)
  }

  /// All of these, in order.
  case all([Definition])
  /// The definitions by the value of a key; `others` where it has another value or none.
  case by(Key, [RegoValue: RuleIndex], others: RuleIndex)

  /// Fewer definitions are tried one after the other.
  private static let definitionsMin = 3
  /// Keys that stand in each other.
  private static let depthMax = 4
  /// Definitions in all leaves together: those without a condition stand in each of them.
  private static let entriesMax = 20_000

  init(_ definitions: [Definition]) {
    var entries = RuleIndex.entriesMax
    let conditions = definitions.map(RuleIndex.conditions)
    self = RuleIndex.build(Array(zip(definitions, conditions)), [], &entries) ?? .all(definitions)
  }

  private typealias Entry = (definition: Definition, conditions: [Key: Set<RegoValue>])

  /// `nil` when the index would become too large.
  private static func build(_ list: [Entry], _ used: Set<Key>, _ entries: inout Int) -> RuleIndex? {
    let all = RuleIndex.all(list.map(\.definition))
    var counts: [Key: Int] = [:]
    for entry in list { for key in entry.conditions.keys where !used.contains(key) { counts[key, default: 0] += 1 } }
    guard list.count >= definitionsMin, used.count < depthMax,
      let best = counts.max(by: { ($0.value, "\($1.key)") < ($1.value, "\($0.key)") }), best.value > 1
    else {
      entries -= list.count
      return entries >= 0 ? all : nil
    }
    let key = best.key
    var places: [RegoValue: [Int]] = [:]
    var others: [Int] = []
    for (place, entry) in list.enumerated() {
      guard let values = entry.conditions[key] else {
        others.append(place)
        continue
      }
      for value in values { places[value, default: []].append(place) }
    }
    let inner = used.union([key])
    // One value for all of them divides nothing.
    guard places.count > 1 || !others.isEmpty else { return build(list, inner, &entries) }
    guard places.count.multipliedReportingOverflow(by: others.count + 1).partialValue <= entries else { return nil }
    var tree: [RegoValue: RuleIndex] = [:]
    for (value, own) in places {
      let fitting = others.isEmpty ? own : (own + others).sorted()
      guard let index = build(fitting.map { list[$0] }, inner, &entries) else { return nil }
      tree[value] = index
    }
    guard let rest = build(others.map { list[$0] }, inner, &entries) else { return nil }
    return .by(key, tree, others: rest)
  }

  /// What has to be so that a definition holds.
  private static func conditions(_ definition: Definition) -> [Key: Set<RegoValue>] {
    var found: [Key: Set<RegoValue>] = [:]
    func add(_ key: Key?, _ values: [RegoValue]?) {
      guard let key, let values else { return }
      found[key] = found[key]?.intersection(values) ?? Set(values)
    }
    for (place, argument) in definition.arguments.enumerated() {
      if case .constant(let value) = argument { add(.argument(place), [value]) }
    }
    // A branch behind `else` may hold where the first does not.
    guard definition.branches.count == 1, let branch = definition.branches.first else { return found }
    for step in branch.steps {
      switch step.kind {
      case .match(let left, let right):
        add(key(left), constant(right))
        add(key(right), constant(left))
      case .test(.builtIn(let builtIn, let list)) where list.count == 2 && builtIn.name == "equal":
        add(key(list[0]), constant(list[1]))
        add(key(list[1]), constant(list[0]))
      case .test(.builtIn(let builtIn, let list)) where list.count == 2 && builtIn.name == "internal.member_2":
        guard let collection = constant(list[1])?.first else { break }
        switch collection {
        case .array(let elements): add(key(list[0]), elements)
        case .set(let set): add(key(list[0]), set.elements)
        case .object(let object): add(key(list[0]), object.values)
        default: break
        }
      default: break
      }
    }
    return found
  }

  private static func key(_ operation: Operation) -> Key? {
    guard case .input(let keys) = operation else { return nil }
    var path: [RegoValue] = []
    for key in keys {
      guard case .constant(let name) = key else { return nil }
      path.append(name)
    }
    return .input(path)
  }

  private static func constant(_ operation: Operation) -> [RegoValue]? {
    if case .constant(let value) = operation { [value] } else { nil }
  }
}

extension Evaluator {
  /// The definitions of a rule that may hold.
  func candidates(_ group: RuleGroup, _ arguments: [RegoValue] = []) -> [Definition] {
    // Functions may have been replaced, those that compare too.
    guard group.isIndexed, environment.mocks.isEmpty else { return group.definitions }
    var index = group.index
    while case .by(let key, let values, let others) = index {
      var value: RegoValue?
      switch key {
      case .input(let path):
        value = environment.input
        for name in path { value = value.flatMap { Evaluator.element($0, name) } }
      case .argument(let place): if arguments.indices.contains(place) { value = arguments[place] }
      }
      index = value.flatMap { values[$0] } ?? others
    }
    guard case .all(let definitions) = index else { return group.definitions }
    return definitions
  }
}
