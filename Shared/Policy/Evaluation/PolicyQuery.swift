/// One way in which a query holds.
public struct QueryAnswer: Sendable {
  /// The values of its variables.
  public let bindings: [String: RegoValue]
  /// The value of the query, when it is one term: `1 + 2`, `data.cadre.http.decision`.
  public let value: RegoValue?
}

extension PolicyProgram {
  /// The answers to a query in Rego: one for each way in which it holds, `answersMax` at most. Throws `PolicyError` for
  /// a query that cannot be read, `EvaluationError` for one that cannot be answered.
  public func answers(
    to query: String, input: RegoValue?, data: RegoValue = .object(RegoObject()), now: Int64 = 0,
    limits: EvaluationLimits = EvaluationLimits(), answersMax: Int = 10_000, isStrict: Bool = false,
    observer: (any EvaluationObserver)? = nil, check: @escaping () -> Bool = { true }
  ) throws -> [QueryAnswer] {
    var statements = try Parser.query(Array(query.utf8))
    let isTerm = statements.count == 1 && statements[0].term != nil
    let whole = "$value"
    if isTerm, let node = statements[0].term {
      statements[0].kind = .unify(Node(term: .variable(whole), place: node.place), node)
    }
    let names = Names(file: "query", package: [], imports: [:], rules: [], root: root)
    var resolver = Resolver(names)
    resolver.open(using: statements, heads: [])
    let body = try resolver.body(statements)
    var planner = Planner(root: root, file: "query", labels: resolver.labels)
    var bound: Set<Int> = []
    let steps = try planner.steps(body, &bound)
    let evaluator = Evaluator(
      self, input: input, base: data, now: now, limits: limits, isStrict: isStrict, observer: observer,
      check: check)
    let frame = Frame(resolver.count)
    var answers: [QueryAnswer] = []
    _ = try evaluator.run(steps, 0, frame) {
      var bindings: [String: RegoValue] = [:]
      for (name, variable) in resolver.queryVariables where !name.hasPrefix("$") {
        bindings[name] = frame.slots[variable]
      }
      let value = isTerm ? resolver.queryVariables[whole].flatMap { frame.slots[$0] } : nil
      answers.append(QueryAnswer(bindings: bindings, value: value))
      return answers.count < answersMax
    }
    return answers
  }

  /// As `answers(to:)`, with the values of variables alone.
  func answers(
    _ query: String, input: RegoValue?, data: RegoValue, now: Int64 = 0, isStrict: Bool = false
  ) throws -> [[String: RegoValue]] {
    try answers(to: query, input: input, data: data, now: now, isStrict: isStrict).map(\.bindings)
  }
}

extension Statement {
  /// The term of a statement that is nothing else.
  fileprivate var term: Node? {
    guard !isNegated, withs.isEmpty, case .term(let node) = kind else { return nil }
    return node
  }
}
