internal import JSON

/// One check of a value: walks schema and value together, within its limits.
struct SchemaEvaluation {
  /// A step of the way from the whole value to the one that is looked at.
  enum PathPart {
    case name(JSONView)
    case index(Int)
  }

  /// What of a value subschemas have looked at, for `unevaluatedItems` and `unevaluatedProperties`.
  struct Evaluated {
    var members: Set<ExactName> = []
    var items: Set<Int> = []
    var allItems = false
    /// Elements from the first on.
    var itemsCount = 0

    mutating func merge(_ other: Evaluated) {
      members.formUnion(other.members)
      items.formUnion(other.items)
      allItems = allItems || other.allItems
      itemsCount = max(itemsCount, other.itemsCount)
    }
  }

  let schema: CompiledSchema
  var steps: Int
  /// Whether violations are noted; otherwise the first one ends the check.
  var isReporting: Bool
  var violations: [SchemaViolation] = []
  var path: [PathPart] = []
  private var depth = 0
  private var isTooDeep = false
  /// The resources that were entered, the outermost first.
  private var scope: [Int] = []

  init(_ schema: CompiledSchema, isReporting: Bool) {
    self.schema = schema
    self.isReporting = isReporting
    steps = schema.options.stepsMax
  }

  mutating func run(_ value: JSONView) -> (isValid: Bool, violations: [SchemaViolation]) {
    var evaluated = Evaluated()
    let isValid = apply(0, to: value, collecting: false, &evaluated)
    guard isAtLimit else { return (isValid, violations) }
    let what =
      isTooDeep
      ? "could not be checked: schemas are applied more than \(schema.options.evaluationDepthMax) times inside each other"
      : "could not be checked within \(schema.options.stepsMax) steps; make it smaller"
    path = []
    let limit = SchemaViolation(
      instancePointer: "", schemaPointer: "", keyword: SchemaViolation.limitKeyword, expectation: what)
    return (false, Array(violations.prefix(max(0, schema.options.violationsMax - 1))) + [limit])
  }

  /// Whether a limit was met: what is returned from then on does not count.
  var isAtLimit: Bool { steps < 0 || isTooDeep }

  /// Whether the check may end: in silence at the first violation, else when the report is full.
  var isOver: Bool { isAtLimit || (isReporting ? violations.count >= schema.options.violationsMax : false) }

  // MARK: One subschema

  /// Applies a subschema. `evaluated` gains what it looked at, if it holds and that is asked for.
  mutating func apply(
    _ id: SchemaID, to value: JSONView, collecting: Bool, _ evaluated: inout Evaluated
  ) -> Bool {
    steps -= 1
    guard !isOver else { return false }
    guard depth < schema.options.evaluationDepthMax else {
      isTooDeep = true
      return false
    }
    depth += 1
    defer { depth -= 1 }
    let node = schema.nodes[id]
    if let isAllowed = node.always {
      return isAllowed || fail(node, "", "is not allowed here")
    }
    let entersResource = scope.last != node.resource
    if entersResource { scope.append(node.resource) }
    defer { if entersResource { scope.removeLast() } }
    let collects = collecting || node.unevaluatedItems != nil || node.unevaluatedProperties != nil
    var own = Evaluated()
    var isValid = checkValue(node, value)
    if isValid || isReporting { isValid = follow(node, value, collects, &own) && isValid }
    if isValid || isReporting {
      switch value.kind {
      case .array: if let rules = node.arrays { isValid = checkItems(node, rules, value, collects, &own) && isValid }
      case .object:
        if let rules = node.objects { isValid = checkMembers(node, rules, value, collects, &own) && isValid }
      default: break
      }
    }
    if isValid || isReporting { isValid = combine(node, value, collects, &own) && isValid }
    // Only when all else holds: what a broken subschema would have looked at is not known.
    if isValid { isValid = checkUnevaluated(node, value, &own) }
    if isValid, collecting { evaluated.merge(own) }
    return isValid
  }

  private mutating func follow(
    _ node: SchemaNode, _ value: JSONView, _ collects: Bool, _ own: inout Evaluated
  ) -> Bool {
    var isValid = true
    if let target = node.reference { isValid = apply(target, to: value, collecting: collects, &own) }
    if let dynamic = node.dynamicReference, isValid || isReporting {
      var target = dynamic.target
      if let name = dynamic.name,
        let outermost = scope.lazy.compactMap({ [schema] in schema.dynamicAnchors[$0][name] }).first
      {
        target = outermost
      }
      isValid = apply(target, to: value, collecting: collects, &own) && isValid
    }
    return isValid
  }

  private mutating func checkUnevaluated(_ node: SchemaNode, _ value: JSONView, _ own: inout Evaluated) -> Bool {
    var isValid = true
    if let inner = node.unevaluatedProperties, value.kind == .object {
      for (key, member) in value.members {
        guard isValid || isReporting, !isOver else { return false }
        steps -= 1
        let name = ExactName(key)
        guard !own.members.contains(name) else { continue }
        own.members.insert(name)
        isValid = below(.name(key), inner, member, node, "unevaluatedProperties") && isValid
      }
    }
    if let inner = node.unevaluatedItems, value.kind == .array, !own.allItems {
      for (index, element) in value.elements.enumerated() where index >= own.itemsCount {
        guard isValid || isReporting, !isOver else { return false }
        steps -= 1
        if own.items.contains(index) { continue }
        isValid = below(.index(index), inner, element, node, "unevaluatedItems") && isValid
      }
      own.allItems = true
    }
    return isValid
  }

  /// Applies a subschema to a part of a value. Where it allows nothing, the keyword that holds it is the one that is
  /// broken.
  mutating func below(
    _ part: PathPart, _ id: SchemaID, _ value: JSONView, _ holder: SchemaNode, _ keyword: String,
    allowed: (() -> String?)? = nil
  ) -> Bool {
    path.append(part)
    defer { path.removeLast() }
    if schema.nodes[id].always == false {
      let hint = isReporting ? allowed?() : nil
      return fail(holder, keyword, hint.map { "is not allowed here; allowed are \($0)" } ?? "is not allowed here")
    }
    var unused = Evaluated()
    return apply(id, to: value, collecting: false, &unused)
  }

  /// Applies a subschema to see whether it holds.
  mutating func holds(_ id: SchemaID, for value: JSONView, collecting: Bool, _ evaluated: inout Evaluated) -> Bool {
    let wasReporting = isReporting
    isReporting = false
    defer { isReporting = wasReporting }
    return apply(id, to: value, collecting: collecting, &evaluated)
  }

  // MARK: Reporting

  /// Notes a violation. Always false.
  mutating func fail(_ node: SchemaNode, _ keyword: String, _ expectation: @autoclosure () -> String) -> Bool {
    guard isReporting, violations.count < schema.options.violationsMax else { return false }
    violations.append(
      SchemaViolation(
        instancePointer: pointer, schemaPointer: keyword.isEmpty ? node.pointer : "\(node.pointer)/\(keyword)",
        keyword: keyword, expectation: expectation()))
    return false
  }

  /// The way to the value that is looked at.
  private var pointer: String {
    path.reduce(into: "") { text, part in
      switch part {
      case .name(let key): text += "/" + JSONPointer.display(key.string ?? "")
      case .index(let index): text += "/\(index)"
      }
    }
  }
}
