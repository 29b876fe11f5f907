internal import JSON

extension PolicyProgram {
  /// The document at a path below `data`, for example `cadre.authz.allow`; `nil` when it is undefined. `now` is
  /// nanoseconds since 1970. Throws `EvaluationError`. `check` is asked from time to time whether to go on; `observer`
  /// sees every rule and statement, which costs time.
  public func document(
    at path: [String], input: RegoValue?, data: RegoValue = .object(RegoObject()), now: Int64,
    limits: EvaluationLimits = EvaluationLimits(), coverage: PolicyCoverage? = nil,
    observer: (any EvaluationObserver)? = nil, check: @escaping () -> Bool = { true }
  ) throws(EvaluationError) -> RegoValue? {
    let evaluator = Evaluator(
      self, input: input, base: data, now: now, limits: limits, observer: observer, check: check)
    evaluator.coverage = coverage
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
      return try evaluator.value(.data(DataPath(node: node, fixed: fixed, keys: keys)), frame)
    } catch let error as EvaluationError { throw error } catch {
      throw EvaluationError(.cancelled, "the evaluation ended")
    }
  }
}
