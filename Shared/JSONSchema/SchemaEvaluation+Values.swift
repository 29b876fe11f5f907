internal import JSON

extension SchemaEvaluation {
  /// `type`, `enum`, `const`, and the keywords about numbers and strings.
  mutating func checkValue(_ node: SchemaNode, _ value: JSONView) -> Bool {
    var isValid = true
    if let types = node.types, types.isDisjoint(with: SchemaEvaluation.types(of: value)) {
      // What else the schema wants of a value of another type helps nobody.
      return fail(node, "type", "must be \(types.described), but is \(SchemaEvaluation.described(value))")
    }
    if !node.allowed.isEmpty {
      let comparable = ComparableValue(value)
      steps -= comparable.size
      for allowed in node.allowed where !allowed.values.contains(comparable) {
        isValid =
          fail(
            node, allowed.keyword,
            allowed.values.count == 1 ? "must be \(allowed.text)" : "must be one of \(allowed.text)")
        if !isReporting { return false }
      }
    }
    if value.kind == .number, let rules = node.numbers { isValid = checkNumber(node, rules, value) && isValid }
    if value.kind == .string, let rules = node.strings { isValid = checkString(node, rules, value) && isValid }
    return isValid
  }

  private static func types(of value: JSONView) -> TypeSet {
    switch value.kind {
    case .null: .null
    case .true, .false: .boolean
    case .number:
      value.int != nil || DecimalNumber(value).map(\.isInteger) == true ? [.number, .integer] : .number
    case .string: .string
    case .array: .array
    case .object: .object
    }
  }

  private static func described(_ value: JSONView) -> String {
    types(of: value) == .number ? "a number with a fraction" : types(of: value).subtracting(.number).described
  }

  private mutating func checkNumber(_ node: SchemaNode, _ rules: NumberRules, _ value: JSONView) -> Bool {
    guard let number = DecimalNumber(value) else { return true }
    steps -= number.digits.count / 16
    var isValid = true
    if let bound = rules.minimum, number < bound.value {
      isValid = fail(node, "minimum", "must be at least \(bound.text)")
    }
    if let bound = rules.maximum, bound.value < number {
      isValid = fail(node, "maximum", "must be at most \(bound.text)")
    }
    if let bound = rules.exclusiveMinimum, !(bound.value < number) {
      isValid = fail(node, "exclusiveMinimum", "must be greater than \(bound.text)")
    }
    if let bound = rules.exclusiveMaximum, !(number < bound.value) {
      isValid = fail(node, "exclusiveMaximum", "must be less than \(bound.text)")
    }
    if let rule = rules.multipleOf, !number.isMultiple(of: rule.divisor) {
      isValid = fail(node, "multipleOf", "must be a multiple of \(rule.text)")
    }
    return isValid
  }

  private mutating func checkString(_ node: SchemaNode, _ rules: StringRules, _ value: JSONView) -> Bool {
    var isValid = true
    if rules.needsLength {
      // Code points: all bytes but those that continue one.
      let length = value.withString { $0.reduce(0) { $0 + ($1 & 0xC0 == 0x80 ? 0 : 1) } } ?? 0
      steps -= length / 16
      if let least = rules.lengthMin, length < least {
        isValid = fail(node, "minLength", "must have at least \(least) characters, but has \(length)")
      }
      if let most = rules.lengthMax, length > most {
        isValid = fail(node, "maxLength", "must have at most \(most) characters, but has \(length)")
      }
    }
    if let pattern = rules.pattern, isValid || isReporting, !matches(pattern, value) {
      isValid = fail(node, "pattern", "must match the regular expression \(pattern.source.prefix(200))")
    }
    if let format = rules.format, isValid || isReporting {
      let text = value.string ?? ""
      steps -= text.utf8.count / 4
      if !format.accepts(text) { isValid = fail(node, "format", "must be \(format.described)") }
    }
    return isValid
  }

  /// Whether an expression occurs in a string.
  mutating func matches(_ pattern: RegularExpression, _ value: JSONView) -> Bool {
    let text = (value.string ?? "").unicodeScalars.map(\.value)
    return pattern.matches(text, steps: &steps)
  }
}
