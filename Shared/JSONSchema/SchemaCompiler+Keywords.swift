internal import JSON

extension SchemaCompiler {
  /// Keywords that say something to people or to other programs, and those that were read when places were found.
  private static let annotations: Set<String> = [
    "$schema", "$id", "$comment", "$anchor", "$dynamicAnchor", "$vocabulary", "$defs", "definitions", "title",
    "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "contentEncoding",
    "contentMediaType", "contentSchema", "then", "else", "minContains", "maxContains",
  ]
  /// Keywords of older drafts whose work is done by others now.
  private static let replaced = [
    "additionalItems": "items", "dependencies": "dependentRequired' or 'dependentSchemas",
    "$recursiveRef": "$dynamicRef", "$recursiveAnchor": "$dynamicAnchor",
  ]

  /// Compiles the subschema at a place.
  mutating func node(of place: Place) throws(SchemaError) -> SchemaNode {
    var node = SchemaNode(pointer: place.pointer, resource: place.resource)
    if let isAllowed = place.view.bool {
      node.always = isAllowed
      return node
    }
    guard place.view.kind == .object else {
      throw SchemaError(.malformed, at: place.pointer, "a schema is an object, true or false")
    }
    for (key, value) in place.view.members {
      let keyword = key.string ?? ""
      let isKnown =
        if SchemaCompiler.annotations.contains(keyword) {
          true
        } else if try readApplicator(keyword, value, place, &node) {
          true
        } else if try readValueRule(keyword, value, place, &node) {
          true
        } else if try readArrayRule(keyword, value, place, &node) {
          true
        } else {
          try readObjectRule(keyword, value, place, &node)
        }
      if !isKnown { try readUnknown(keyword, place) }
    }
    return node
  }

  private func readUnknown(_ keyword: String, _ place: Place) throws(SchemaError) {
    let pointer = place.pointer + "/" + JSONPointer.display(keyword)
    if let now = SchemaCompiler.replaced[keyword], isOlderDraft || options.unknownKeywords == .refused {
      throw SchemaError(.unsupported, at: pointer, "'\(keyword)' is no keyword of draft 2020-12; write '\(now)'")
    }
    guard options.unknownKeywords == .refused else { return }
    throw SchemaError(.unsupported, at: pointer, "the keyword '\(keyword.prefix(60))' is not known")
  }

  // MARK: References and combinations

  private mutating func readApplicator(
    _ keyword: String, _ value: JSONView, _ place: Place, _ node: inout SchemaNode
  ) throws(SchemaError) -> Bool {
    switch keyword {
    case "$ref": node.reference = try resolve(value, keyword: keyword, of: place).target
    case "$dynamicRef": node.dynamicReference = try resolve(value, keyword: keyword, of: place)
    case "allOf": node.allOf = try children(keyword, value, place)
    case "anyOf": node.anyOf = try children(keyword, value, place)
    case "oneOf": node.oneOf = try children(keyword, value, place)
    case "not": node.not = try child(keyword, of: place)
    case "if":
      var condition = SchemaNode.Condition(test: try child(keyword, of: place))
      if place.view["then"] != nil { condition.then = try child("then", of: place) }
      if place.view["else"] != nil { condition.otherwise = try child("else", of: place) }
      node.condition = condition
    case "unevaluatedItems": node.unevaluatedItems = try child(keyword, of: place)
    case "unevaluatedProperties": node.unevaluatedProperties = try child(keyword, of: place)
    default: return false
    }
    return true
  }

  private func children(_ keyword: String, _ value: JSONView, _ place: Place) throws(SchemaError) -> [SchemaID] {
    var ids: [SchemaID] = []
    for index in 0..<value.count { ids.append(try child("\(keyword)/\(index)", of: place)) }
    return ids
  }

  // MARK: Values, numbers, strings

  private func readValueRule(
    _ keyword: String, _ value: JSONView, _ place: Place, _ node: inout SchemaNode
  ) throws(SchemaError) -> Bool {
    func fault(_ message: String) -> SchemaError {
      SchemaError(.malformed, at: "\(place.pointer)/\(keyword)", message)
    }
    switch keyword {
    case "type":
      let names = value.string.map { [$0] } ?? value.elements.map { $0.string ?? "" }
      var types: TypeSet = []
      for name in names {
        guard let known = TypeSet.named.first(where: { $0.name == name }) else {
          throw fault("'type' is one of \(TypeSet.named.map(\.name).joined(separator: ", ")), or a list of them")
        }
        types.insert(known.type)
      }
      guard !types.isEmpty else { throw fault("'type' names at least one type") }
      node.types = types
    case "enum":
      guard value.kind == .array else { throw fault("'enum' is a list of values") }
      let values = Set(value.elements.map { ComparableValue($0) })
      node.allowed.append(.init(keyword: keyword, values: values, text: SchemaCompiler.display(value.elements)))
    case "const":
      node.allowed.append(
        .init(keyword: keyword, values: [ComparableValue(value)], text: SchemaCompiler.display(CollectionOfOne(value))))
    case "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum":
      guard let number = DecimalNumber(value) else { throw fault("'\(keyword)' is a number") }
      let bound = NumberBound(value: number, text: String(decoding: value.rawBytes.prefix(60), as: UTF8.self))
      var rules = node.numbers ?? NumberRules()
      switch keyword {
      case "minimum": rules.minimum = bound
      case "maximum": rules.maximum = bound
      case "exclusiveMinimum": rules.exclusiveMinimum = bound
      default: rules.exclusiveMaximum = bound
      }
      node.numbers = rules
    case "multipleOf":
      guard let number = DecimalNumber(value), let divisor = DecimalNumber.Divisor(number) else {
        throw fault("'multipleOf' is a number above zero of at most 18 digits")
      }
      node.numbers = node.numbers ?? NumberRules()
      node.numbers?.multipleOf = (divisor, String(decoding: value.rawBytes.prefix(60), as: UTF8.self))
    case "minLength", "maxLength", "pattern", "format":
      var rules = node.strings ?? StringRules()
      switch keyword {
      case "minLength": rules.lengthMin = try count(keyword, value, place)
      case "maxLength": rules.lengthMax = try count(keyword, value, place)
      case "pattern": rules.pattern = try expression(value, at: "\(place.pointer)/\(keyword)")
      default:
        guard let name = value.string else { throw fault("'format' is a string") }
        if options.formats == .assertion { rules.format = StringFormat(rawValue: name) }
      }
      node.strings = rules
    default: return false
    }
    return true
  }

  func count(_ keyword: String, _ value: JSONView, _ place: Place) throws(SchemaError) -> Int {
    guard let count = DecimalNumber(value)?.count else {
      throw SchemaError(.malformed, at: "\(place.pointer)/\(keyword)", "'\(keyword)' is a whole number from 0")
    }
    return count
  }

  private func expression(_ value: JSONView, at pointer: String) throws(SchemaError) -> RegularExpression {
    guard let source = value.string else {
      throw SchemaError(.malformed, at: pointer, "a regular expression is a string")
    }
    return try expression(source, at: pointer)
  }

  private func expression(_ source: String, at pointer: String) throws(SchemaError) -> RegularExpression {
    do {
      return try RegularExpression(source)
    } catch {
      throw SchemaError(.unsupported, at: pointer, "the regular expression is not supported: \(error)")
    }
  }

  private static let displayMax = 10
  private static let displayBytesMax = 60

  /// Values of the schema for a message.
  private static func display(_ values: some Sequence<JSONView>) -> String {
    let texts = values.map { value in
      let bytes = value.rawBytes
      return bytes.count <= displayBytesMax
        ? String(decoding: bytes, as: UTF8.self)
        : String(decoding: bytes.prefix(displayBytesMax), as: UTF8.self) + "..."
    }
    let rest = texts.count - displayMax
    return texts.prefix(displayMax).joined(separator: ", ") + (rest > 0 ? " and \(rest) more" : "")
  }

  // MARK: Arrays and objects

  private func readArrayRule(
    _ keyword: String, _ value: JSONView, _ place: Place, _ node: inout SchemaNode
  ) throws(SchemaError) -> Bool {
    var rules = node.arrays ?? ArrayRules()
    switch keyword {
    case "minItems": rules.countMin = try count(keyword, value, place)
    case "maxItems": rules.countMax = try count(keyword, value, place)
    case "uniqueItems": rules.areUnique = value.bool ?? false
    case "prefixItems": rules.prefix = try children(keyword, value, place)
    case "items": rules.items = try child(keyword, of: place)
    case "contains":
      rules.contains = try child(keyword, of: place)
      if let least = place.view["minContains"] { rules.containsMin = try count("minContains", least, place) }
      if let most = place.view["maxContains"] { rules.containsMax = try count("maxContains", most, place) }
    default: return false
    }
    node.arrays = rules
    return true
  }

  private func readObjectRule(
    _ keyword: String, _ value: JSONView, _ place: Place, _ node: inout SchemaNode
  ) throws(SchemaError) -> Bool {
    var rules = node.objects ?? ObjectRules()
    switch keyword {
    case "minProperties": rules.countMin = try count(keyword, value, place)
    case "maxProperties": rules.countMax = try count(keyword, value, place)
    case "required": rules.required = try names(value, at: "\(place.pointer)/\(keyword)")
    case "dependentRequired":
      for (key, needs) in value.members {
        let name = key.string ?? ""
        let pointer = "\(place.pointer)/\(keyword)/\(JSONPointer.escape(name))"
        rules.dependentRequired.append((name, try names(needs, at: pointer)))
      }
    case "dependentSchemas":
      for (key, _) in value.members {
        let name = key.string ?? ""
        rules.dependentSchemas.append((name, try child("\(keyword)/\(JSONPointer.escape(name))", of: place)))
      }
    case "propertyNames": rules.names = try child(keyword, of: place)
    case "properties":
      for (key, _) in value.members {
        let name = key.string ?? ""
        rules.properties[ExactName(name)] = try child("\(keyword)/\(JSONPointer.escape(name))", of: place)
      }
    case "patternProperties":
      for (key, _) in value.members {
        let source = key.string ?? ""
        let pointer = "\(keyword)/\(JSONPointer.escape(source))"
        let pattern = try expression(source, at: "\(place.pointer)/\(pointer)")
        rules.patterns.append((pattern, try child(pointer, of: place)))
      }
    case "additionalProperties": rules.additional = try child(keyword, of: place)
    default: return false
    }
    node.objects = rules
    return true
  }

  private func names(_ value: JSONView, at pointer: String) throws(SchemaError) -> [String] {
    let names = value.elements.compactMap(\.string)
    guard value.kind == .array, names.count == value.count else {
      throw SchemaError(.malformed, at: pointer, "a list of names is expected")
    }
    return names
  }
}
