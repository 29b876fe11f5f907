internal import JSON

extension SchemaEvaluation {
  private static let displayNamesMax = 20

  /// The keywords about arrays.
  mutating func checkItems(
    _ node: SchemaNode, _ rules: ArrayRules, _ value: JSONView, _ collects: Bool, _ own: inout Evaluated
  ) -> Bool {
    var isValid = true
    let count = value.count
    if let least = rules.countMin, count < least {
      isValid = fail(node, "minItems", "must have at least \(least) elements, but has \(count)")
    }
    if let most = rules.countMax, count > most {
      isValid = fail(node, "maxItems", "must have at most \(most) elements, but has \(count)")
    }
    if rules.areUnique, isValid || isReporting, let twins = twins(value) {
      isValid = fail(
        node, "uniqueItems", "must not have equal elements, but those at \(twins.0) and \(twins.1) are equal")
    }
    if !rules.prefix.isEmpty || rules.items != nil {
      for (index, element) in value.elements.enumerated() {
        guard isValid || isReporting, !isOver else { return false }
        if index < rules.prefix.count {
          isValid = below(.index(index), rules.prefix[index], element, node, "prefixItems/\(index)") && isValid
        } else if let items = rules.items {
          isValid = below(.index(index), items, element, node, "items") && isValid
        } else {
          break
        }
      }
      if collects {
        own.itemsCount = max(own.itemsCount, rules.prefix.count)
        if rules.items != nil { own.allItems = true }
      }
    }
    if isValid || isReporting { isValid = checkContains(node, rules, value, collects, &own) && isValid }
    return isValid
  }

  private mutating func checkContains(
    _ node: SchemaNode, _ rules: ArrayRules, _ value: JSONView, _ collects: Bool, _ own: inout Evaluated
  ) -> Bool {
    guard let inner = rules.contains else { return true }
    let least = rules.containsMin ?? 1
    var found = 0
    var unused = Evaluated()
    for (index, element) in value.elements.enumerated() {
      // Enough is enough when nobody asks which ones they are.
      if found >= least, rules.containsMax == nil, !collects { break }
      guard holds(inner, for: element, collecting: false, &unused) else { continue }
      found += 1
      if collects { own.items.insert(index) }
    }
    var isValid = true
    if found < least {
      isValid = fail(
        node, rules.containsMin == nil ? "contains" : "minContains",
        "must have at least \(least) elements that fit 'contains', but has \(found)")
    }
    if let most = rules.containsMax, found > most {
      isValid = fail(node, "maxContains", "must have at most \(most) elements that fit 'contains', but has \(found)")
    }
    return isValid
  }

  /// Two elements that are equal.
  private mutating func twins(_ value: JSONView) -> (Int, Int)? {
    guard value.count > 1 else { return nil }
    var seen: [ComparableValue: Int] = [:]
    for (index, element) in value.elements.enumerated() {
      let comparable = ComparableValue(element)
      steps -= comparable.size
      if isAtLimit { return nil }
      if let first = seen.updateValue(index, forKey: comparable) { return (first, index) }
    }
    return nil
  }

  /// The keywords about objects.
  mutating func checkMembers(
    _ node: SchemaNode, _ rules: ObjectRules, _ value: JSONView, _ collects: Bool, _ own: inout Evaluated
  ) -> Bool {
    var isValid = true
    let count = value.count
    if let least = rules.countMin, count < least {
      isValid = fail(node, "minProperties", "must have at least \(least) properties, but has \(count)")
    }
    if let most = rules.countMax, count > most {
      isValid = fail(node, "maxProperties", "must have at most \(most) properties, but has \(count)")
    }
    for name in rules.required {
      guard isValid || isReporting, !isOver else { return false }
      isValid = require(name, of: value, node, "required") && isValid
    }
    for dependency in rules.dependentRequired where has(dependency.key, value) {
      for name in dependency.needs {
        guard isValid || isReporting, !isOver else { return false }
        isValid = require(name, of: value, node, "dependentRequired", because: dependency.key) && isValid
      }
    }
    for dependency in rules.dependentSchemas where has(dependency.key, value) {
      guard isValid || isReporting, !isOver else { return false }
      isValid = apply(dependency.schema, to: value, collecting: collects, &own) && isValid
    }
    guard rules.hasMemberRules else { return isValid }
    for (key, member) in value.members {
      guard isValid || isReporting, !isOver else { return false }
      isValid = checkMember(node, rules, key, member, collects, &own) && isValid
    }
    return isValid
  }

  /// Whether an object has a member. Looking for it takes a step for each member that is there.
  private mutating func has(_ name: String, _ value: JSONView) -> Bool {
    steps -= 1 + value.count / 8
    return value[name] != nil
  }

  private mutating func require(
    _ name: String, of value: JSONView, _ node: SchemaNode, _ keyword: String, because other: String? = nil
  ) -> Bool {
    if has(name, value) { return true }
    let reason = other.map { ", which '\($0.prefix(100))' needs" } ?? ""
    return fail(node, keyword, "lacks the required property '\(name.prefix(100))'\(reason)")
  }

  private mutating func checkMember(
    _ node: SchemaNode, _ rules: ObjectRules, _ key: JSONView, _ member: JSONView, _ collects: Bool,
    _ own: inout Evaluated
  ) -> Bool {
    steps -= 1
    var isValid = true
    var isCovered = false
    let name = ExactName(key)
    if let names = rules.names { isValid = checkName(node, names, key) }
    if let inner = rules.properties[name] {
      isCovered = true
      isValid = below(.name(key), inner, member, node, "properties") && isValid
    }
    for (pattern, inner) in rules.patterns where matches(pattern, key) {
      isCovered = true
      isValid = below(.name(key), inner, member, node, "patternProperties") && isValid
    }
    if !isCovered, let inner = rules.additional {
      isCovered = true
      isValid =
        below(.name(key), inner, member, node, "additionalProperties") {
          SchemaEvaluation.display(rules.properties.keys)
        } && isValid
    }
    if collects, isCovered { own.members.insert(name) }
    return isValid
  }

  private static func display(_ names: some Collection<ExactName>) -> String? {
    guard !names.isEmpty else { return nil }
    let sorted = names.map { "'\($0.text.prefix(100))'" }.sorted()
    let rest = sorted.count - displayNamesMax
    return sorted.prefix(displayNamesMax).joined(separator: ", ") + (rest > 0 ? " and \(rest) more" : "")
  }

  private mutating func checkName(_ node: SchemaNode, _ id: SchemaID, _ key: JSONView) -> Bool {
    var unused = Evaluated()
    if holds(id, for: key, collecting: false, &unused) { return true }
    guard isReporting, !isOver else { return false }
    // Once more, to say what is wrong with the name.
    let before = violations
    violations = []
    _ = apply(id, to: key, collecting: false, &unused)
    let reason = violations.first?.expectation ?? "is not allowed"
    violations = before
    path.append(.name(key))
    defer { path.removeLast() }
    return fail(node, "propertyNames", "has a name that \(reason)")
  }
}
