internal import JSON
internal import JSONSchema

/// JSON Schema, draft 2020-12. Faults have the form of OPA, with its sentences for the common keywords.
extension BuiltIns {
  private static let schemaBytesMax = 256 << 10
  /// Of one check, whose steps count for the question.
  private static let schemaStepsMax = 200_000
  /// Members of a fault that are found out by looking at the document.
  private static let namesMax = 100
  private static let typeNames = "array boolean integer number null object string"

  static let schemas: [BuiltIn] = [
    BuiltIn("json.verify_schema", 1) { list, evaluator in
      do {
        _ = try compiled(document(list, 0, evaluator), evaluator)
        return .array([.bool(true), .null])
      } catch let error as EvaluationError where error.code == .builtIn {
        return .array([.bool(false), .string("jsonschema: \(error.message)")])
      }
    },
    BuiltIn("json.match_schema", 2) { list, evaluator in
      let value = try document(list, 0, evaluator)
      let document = try document(list, 1, evaluator)
      let schema = try compiled(document, evaluator)
      let budget = min(schemaStepsMax, evaluator.stepsLeft)
      var left = budget
      let violations = schema.violations(of: value.root, steps: &left)
      try evaluator.work(budget - left)
      if violations.contains(where: \.isLimit) {
        throw EvaluationError(.limit, "the check of a schema takes more than \(budget) steps, or is too deep")
      }
      return .array([
        .bool(violations.isEmpty), .array(faults(violations, RegoValue(value.root), RegoValue(document.root))),
      ])
    },
  ]

  /// A document as text or as a value.
  private static func document(_ list: [RegoValue], _ place: Int, _ evaluator: Evaluator) throws -> JSONDocument {
    let text: String
    switch list[place] {
    case .string(let json): text = json
    case .object, .array: text = list[place].json
    default: throw EvaluationError(.builtIn, "wrong type, expected string or object")
    }
    guard text.utf8.count <= evaluator.limits.textBytesMax else { throw EvaluationError(.limit, "a text is too long") }
    try evaluator.work(10 + text.utf8.count / 16)
    do { return try JSONDocument(parsing: text) } catch {
      throw EvaluationError(.builtIn, "the text is no JSON: \(error)")
    }
  }

  private static func compiled(_ document: JSONDocument, _ evaluator: Evaluator) throws -> CompiledSchema {
    guard document.bytes.count <= schemaBytesMax else {
      throw EvaluationError(.limit, "a schema has more than \(schemaBytesMax) bytes")
    }
    try evaluator.work(50 + document.bytes.count / 4)
    do { return try CompiledSchema(document.root) } catch {
      if error.pointer.hasSuffix("/type"), let name = typeFault(RegoValue(document.root), error.pointer) {
        throw EvaluationError(
          .builtIn,
          "has a primitive type that is NOT VALID -- given: /\(name)/ Expected valid values are:[\(typeNames)]")
      }
      throw EvaluationError(.builtIn, error.description)
    }
  }

  /// The first name at a place of the schema that is no type.
  private static func typeFault(_ schema: RegoValue, _ pointer: String) -> String? {
    let known = typeNames.split(separator: " ").map(String.init)
    let names: [RegoValue]
    switch look(schema, parts(pointer)) {
    case .array(let list)?: names = list
    case let value?: names = [value]
    case nil: return nil
    }
    return names.compactMap(\.string).first { !known.contains($0) }
  }

  // MARK: Faults

  private static func faults(
    _ violations: [SchemaViolation], _ document: RegoValue, _ schema: RegoValue
  ) -> [RegoValue] {
    var made: [RegoValue] = []
    var required: Set<[String]> = []
    for violation in violations {
      var path = parts(violation.instancePointer)
      let rule = look(schema, parts(violation.schemaPointer))
      func add(_ type: String, _ text: String) {
        let field = path.isEmpty ? "(root)" : path.joined(separator: ".")
        made.append(
          .object(
            RegoObject([
              (.string("desc"), .string(text)), (.string("error"), .string("\(field): \(text)")),
              (.string("field"), .string(field)), (.string("type"), .string(type)),
            ])))
      }
      switch violation.keyword {
      case "required":
        // One for each name that is missing; there is a violation for each of them too.
        guard required.insert(path + [violation.schemaPointer]).inserted, case .array(let names)? = rule else { break }
        for name in names.prefix(namesMax).compactMap(\.string) where look(document, path + [name]) == nil {
          add("required", "\(name) is required")
        }
      case "additionalProperties":
        let name = path.popLast() ?? ""
        add("additional_property_not_allowed", "Additional property \(name) is not allowed")
      case "type":
        var expected = rule?.string ?? ""
        if case .array(let names)? = rule { expected = "[\(names.compactMap(\.string).joined(separator: ","))]" }
        let value = look(document, path)
        let given = value?.number.map { $0.whole == nil ? "number" : "integer" } ?? value?.typeName ?? "unknown"
        add("invalid_type", "Invalid type. Expected: \(expected), given: \(given)")
      case let keyword:
        let (type, text) = sentence(keyword, rule?.string ?? rule?.json ?? "") ?? (keyword, violation.expectation)
        add(type, text)
      }
    }
    return made
  }

  private static func sentence(_ keyword: String, _ bound: String) -> (String, String)? {
    switch keyword {
    case "minimum": ("number_gte", "Must be greater than or equal to \(bound)")
    case "exclusiveMinimum": ("number_gt", "Must be greater than \(bound)")
    case "maximum": ("number_lte", "Must be less than or equal to \(bound)")
    case "exclusiveMaximum": ("number_lt", "Must be less than \(bound)")
    case "multipleOf": ("multiple_of", "Must be a multiple of \(bound)")
    case "minLength": ("string_gte", "String length must be greater than or equal to \(bound)")
    case "maxLength": ("string_lte", "String length must be less than or equal to \(bound)")
    case "pattern": ("pattern", "Does not match pattern '\(bound)'")
    case "minItems": ("array_min_items", "Array must have at least \(bound) items")
    case "maxItems": ("array_max_items", "Array must have at most \(bound) items")
    case "contains": ("contains", "At least one of the items must match")
    case "minProperties": ("array_min_properties", "Must have at least \(bound) properties")
    case "maxProperties": ("array_max_properties", "Must have at most \(bound) properties")
    case "anyOf": ("number_any_of", "Must validate at least one schema (anyOf)")
    case "oneOf": ("number_one_of", "Must validate one and only one schema (oneOf)")
    case "not": ("number_not", "Must not validate the schema (not)")
    default: nil
    }
  }

  /// The parts of a JSON pointer.
  private static func parts(_ pointer: String) -> [String] {
    pointer.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map { part in
      var (text, isEscape) = ("", false)
      for character in part.unicodeScalars {
        if isEscape {
          text += character == "1" ? "/" : "~"
          isEscape = false
        } else if character == "~" {
          isEscape = true
        } else {
          text.unicodeScalars.append(character)
        }
      }
      return text
    }
  }

  private static func look(_ document: RegoValue, _ path: [String]) -> RegoValue? {
    var value = document
    for part in path {
      let next: RegoValue?
      switch value {
      case .object(let object): next = object[part]
      case .array(let list): next = Int(part).flatMap { list.indices.contains($0) ? list[$0] : nil }
      default: next = nil
      }
      guard let next else { return nil }
      value = next
    }
    return value
  }
}
