internal import JSON

extension PolicyProgram {
  /// The document at a path below `data`, for example `cadre.authz.allow`; `nil` when it is undefined. `now` is
  /// nanoseconds since 1970. Throws `EvaluationError`. `check` is asked from time to time whether to go on; `observer`
  /// sees every rule and statement, which costs time.
  public func document(
    at path: [String], input: RegoValue?, data: RegoValue = .object(RegoObject()), now: Int64,
    limits: EvaluationLimits = EvaluationLimits(), observer: (any EvaluationObserver)? = nil,
    check: @escaping () -> Bool = { true }
  ) throws(EvaluationError) -> RegoValue? {
    let evaluator = Evaluator(
      self, input: input, base: data, now: now, limits: limits, observer: observer, check: check)
    var node: RuleNode? = root
    var fixed: [String] = []
    for name in path {
      guard let current = node, current.group == nil, let child = current.children[name] else { break }
      node = child
      fixed.append(name)
    }
    let keys = path.dropFirst(fixed.count).map { Operation.constant(.string($0)) }
    let frame = Frame(0)
    do {
      return try evaluator.value(.data(DataPath(node: node, fixed: fixed, keys: keys, isDirect: true)), frame)
    } catch let error as EvaluationError { throw error } catch {
      throw EvaluationError(.cancelled, "the evaluation ended")
    }
  }

  /// The answers to a query in Rego: for each way in which it holds, the values of its variables.
  func answers(
    _ query: String, input: RegoValue?, data: RegoValue, now: Int64 = 0, isStrict: Bool = false
  ) throws -> [[String: RegoValue]] {
    let statements = try Parser.query(Array(query.utf8))
    let names = Names(file: "query", package: [], imports: [:], rules: [], root: root)
    var resolver = Resolver(names)
    resolver.open(using: statements, heads: [])
    let body = try resolver.body(statements)
    var planner = Planner(root: root, file: "query", labels: resolver.labels)
    var bound: Set<Int> = []
    let steps = try planner.steps(body, &bound)
    let evaluator = Evaluator(
      self, input: input, base: data, now: now, limits: EvaluationLimits(), isStrict: isStrict)
    let frame = Frame(resolver.count)
    var answers: [[String: RegoValue]] = []
    _ = try evaluator.run(steps, 0, frame) {
      var answer: [String: RegoValue] = [:]
      for (name, variable) in resolver.queryVariables where !name.hasPrefix("$") {
        answer[name] = frame.slots[variable]
      }
      answers.append(answer)
      return true
    }
    return answers
  }
}
