internal import JSON

extension SchemaEvaluation {
  /// `allOf`, `anyOf`, `oneOf`, `not`, `if`.
  mutating func combine(
    _ node: SchemaNode, _ value: JSONView, _ collects: Bool, _ own: inout Evaluated
  ) -> Bool {
    var isValid = true
    for id in node.allOf {
      guard isValid || isReporting, !isOver else { return false }
      isValid = apply(id, to: value, collecting: collects, &own) && isValid
    }
    if !node.anyOf.isEmpty, isValid || isReporting { isValid = any(node, value, collects, &own) && isValid }
    if !node.oneOf.isEmpty, isValid || isReporting { isValid = one(node, value, collects, &own) && isValid }
    var unused = Evaluated()
    if let id = node.not, isValid || isReporting, holds(id, for: value, collecting: false, &unused) {
      isValid = fail(node, "not", "must not fit the schema of 'not'")
    }
    if let condition = node.condition, isValid || isReporting {
      let branch = holds(condition.test, for: value, collecting: collects, &own) ? condition.then : condition.otherwise
      if let branch { isValid = apply(branch, to: value, collecting: collects, &own) && isValid }
    }
    return isValid
  }

  private mutating func any(
    _ node: SchemaNode, _ value: JSONView, _ collects: Bool, _ own: inout Evaluated
  ) -> Bool {
    var isAny = false
    for id in node.anyOf {
      if isOver { return false }
      isAny = holds(id, for: value, collecting: collects, &own) || isAny
      // The others are looked at only for what they look at.
      if isAny, !collects { return true }
    }
    return isAny || explain(node, "anyOf", node.anyOf, value)
  }

  private mutating func one(
    _ node: SchemaNode, _ value: JSONView, _ collects: Bool, _ own: inout Evaluated
  ) -> Bool {
    var fitting: [Int] = []
    for (index, id) in node.oneOf.enumerated() {
      if isOver { return false }
      if holds(id, for: value, collecting: collects, &own) { fitting.append(index) }
      if fitting.count > 1 {
        return fail(
          node, "oneOf",
          "must fit exactly one alternative of 'oneOf', but fits those at \(fitting[0]) and \(fitting[1])")
      }
    }
    return fitting.count == 1 || explain(node, "oneOf", node.oneOf, value)
  }

  /// Reports that no alternative fits, and what is wrong with the one that comes closest. Always false.
  private mutating func explain(
    _ node: SchemaNode, _ keyword: String, _ ids: [SchemaID], _ value: JSONView
  ) -> Bool {
    guard isReporting, !isOver else { return false }
    let before = violations
    var closest: (index: Int, distance: Int, violations: [SchemaViolation])?
    for (index, id) in ids.enumerated() {
      violations = []
      var unused = Evaluated()
      _ = apply(id, to: value, collecting: false, &unused)
      let distance = violations.reduce(0) { $0 + self.distance($1) }
      if distance < closest?.distance ?? .max { closest = (index, distance, violations) }
    }
    violations = before
    guard let closest, !isAtLimit else { return false }
    let which = ids.count == 1 ? "" : "; the closest is the one at \(closest.index)"
    _ = fail(node, keyword, "must fit an alternative of '\(keyword)'\(which)")
    violations += closest.violations.prefix(max(0, schema.options.violationsMax - violations.count))
    return false
  }

  /// How far a violation says that an alternative is off: one of another type, or with another mark, was not meant.
  private func distance(_ violation: SchemaViolation) -> Int {
    switch violation.keyword {
    case "type": violation.instancePointer.utf8.count(where: { $0 == UInt8(ascii: "/") }) == path.count ? 20 : 2
    case "const", "enum": 4
    default: 1
    }
  }
}
