public import JSON

/// The part of JSON Schema by which answers are checked: types, enumerations, objects, lists, bounds, patterns and
/// combinations. A keyword that is not known is refused when the schema is read, never passed over.
public indirect enum SchemaCheck: Sendable {
  /// Everything or nothing is right.
  case always(Bool)
  /// All rules hold.
  case all([Rule])

  /// One keyword.
  public indirect enum Rule: Sendable {
    /// `type`
    case types(Set<String>)
    /// `enum`, `const`
    case oneOf([JSONValue])
    /// `properties`
    case properties([String: SchemaCheck])
    /// `required`
    case required([String])
    /// `additionalProperties`, with the names that are no additional ones
    case additional(SchemaCheck, besides: Set<String>)
    /// `items`
    case items(SchemaCheck)
    /// `minItems`, `maxItems`
    case count(ClosedRange<Int>)
    /// `minLength`, `maxLength`, in characters
    case length(ClosedRange<Int>)
    /// `minimum`, `maximum`
    case bounds(ClosedRange<Double>)
    /// `pattern`
    case pattern(Pattern)
    /// `anyOf`
    case any([SchemaCheck])
    /// `allOf`
    case every([SchemaCheck])
  }

  private static let depthMax = 32
  private static let silent: Set<String> = [
    "$schema", "$id", "$comment", "title", "description", "default", "examples", "format", "deprecated",
  ]
  private static let typeNames: Set<String> = ["object", "array", "string", "number", "integer", "boolean", "null"]

  /// Reads a schema. Throws what of it is not understood.
  public init(_ view: JSONView) throws(CheckFault) { self = try SchemaCheck.read(view, depth: 0) }

  private static func read(_ view: JSONView, depth: Int) throws(CheckFault) -> SchemaCheck {
    guard depth < depthMax else { throw CheckFault("the schema is nested more than \(depthMax) times") }
    if let flag = view.bool { return .always(flag) }
    guard view.kind == .object else { throw CheckFault("a schema is an object or a truth value") }
    var rules: [Rule] = []
    for (key, value) in view.members {
      let name = key.string ?? ""
      if silent.contains(name) { continue }
      rules += try rule(name, value, view, depth)
    }
    return .all(rules)
  }

  private static func rule(
    _ name: String, _ value: JSONView, _ whole: JSONView, _ depth: Int
  ) throws(CheckFault) -> [Rule] {
    switch name {
    case "type":
      let names = value.string.map { [$0] } ?? value.elements.map { $0.string ?? "" }
      guard !names.isEmpty, typeNames.isSuperset(of: names) else { throw CheckFault("'type' names no type") }
      return [.types(Set(names))]
    case "enum": return [.oneOf(value.elements.map { JSONValue($0) })]
    case "const": return [.oneOf([JSONValue(value)])]
    case "properties":
      var schemas: [String: SchemaCheck] = [:]
      for (key, inner) in value.members { schemas[key.string ?? ""] = try read(inner, depth: depth + 1) }
      return [.properties(schemas)]
    case "required": return [.required(value.elements.compactMap(\.string))]
    case "additionalProperties":
      let known = whole["properties"].map { Set($0.members.compactMap { $0.key.string }) } ?? []
      return [.additional(try read(value, depth: depth + 1), besides: known)]
    case "items": return [.items(try read(value, depth: depth + 1))]
    case "anyOf", "allOf":
      var schemas: [SchemaCheck] = []
      for inner in value.elements { schemas.append(try read(inner, depth: depth + 1)) }
      guard !schemas.isEmpty else { throw CheckFault("'\(name)' is a list of schemas") }
      return [name == "anyOf" ? .any(schemas) : .every(schemas)]
    case "minItems", "maxItems": return [.count(try range(name, value))]
    case "minLength", "maxLength": return [.length(try range(name, value))]
    case "minimum", "maximum":
      guard let number = value.double else { throw CheckFault("'\(name)' is a number") }
      let most = Double.greatestFiniteMagnitude
      return [.bounds(name == "minimum" ? number...max(number, most) : min(number, -most)...number)]
    case "pattern": return [.pattern(try Pattern(value.string ?? ""))]
    default: throw CheckFault("the keyword '\(name.prefix(60))' is not supported in checks")
    }
  }

  private static func range(_ name: String, _ value: JSONView) throws(CheckFault) -> ClosedRange<Int> {
    guard let number = value.int, number >= 0, number <= Int64(Int32.max) else {
      throw CheckFault("'\(name)' is a whole number")
    }
    return name.hasPrefix("min") ? Int(number)...Int.max : 0...Int(number)
  }

  // MARK: Checking

  /// Where and how a value breaks the schema, nil when it does not. `path` is a JSON pointer.
  public func fault(_ value: JSONView, at path: String = "") -> String? {
    switch self {
    case .always(let isRight): return isRight ? nil : "\(path.isEmpty ? "/" : path) is not allowed"
    case .all(let rules):
      for rule in rules { if let fault = rule.fault(value, path) { return fault } }
      return nil
    }
  }
}

extension SchemaCheck.Rule {
  fileprivate func fault(_ value: JSONView, _ path: String) -> String? {
    let place = path.isEmpty ? "/" : path
    switch self {
    case .types(let names):
      return names.contains { Self.isType(value, $0) }
        ? nil : "\(place) is no \(names.sorted().joined(separator: " or "))"
    case .oneOf(let values): return values.contains(JSONValue(value)) ? nil : "\(place) is none of the allowed values"
    case .properties(let schemas):
      guard value.kind == .object else { return nil }
      for (name, schema) in schemas {
        if let inner = value[name], let fault = schema.fault(inner, at: "\(path)/\(name)") { return fault }
      }
      return nil
    case .required(let names):
      guard value.kind == .object else { return nil }
      return names.first { value[$0] == nil }.map { "\(place) lacks '\($0)'" }
    case .additional(let schema, let known):
      guard value.kind == .object else { return nil }
      for (key, inner) in value.members {
        let name = key.string ?? ""
        if !known.contains(name), let fault = schema.fault(inner, at: "\(path)/\(name.prefix(100))") { return fault }
      }
      return nil
    case .items(let schema):
      guard value.kind == .array else { return nil }
      for (index, inner) in value.elements.enumerated() {
        if let fault = schema.fault(inner, at: "\(path)/\(index)") { return fault }
      }
      return nil
    case .count(let range):
      return value.kind != .array || range.contains(value.count) ? nil : "\(place) has \(value.count) items"
    case .length(let range):
      guard let text = value.string else { return nil }
      return range.contains(text.unicodeScalars.count) ? nil : "\(place) is too short or too long"
    case .bounds(let range):
      guard value.kind == .number, let number = value.double else { return nil }
      return range.contains(number) ? nil : "\(place) is too small or too large"
    case .pattern(let pattern):
      guard let text = value.string else { return nil }
      return pattern.matches(text) ? nil : "\(place) does not match the pattern"
    case .any(let schemas):
      return schemas.contains { $0.fault(value, at: path) == nil } ? nil : "\(place) fits none of 'anyOf'"
    case .every(let schemas):
      for schema in schemas { if let fault = schema.fault(value, at: path) { return fault } }
      return nil
    }
  }

  private static func isType(_ value: JSONView, _ name: String) -> Bool {
    switch name {
    case "object": value.kind == .object
    case "array": value.kind == .array
    case "string": value.kind == .string
    case "number": value.kind == .number
    // 1.0 is a whole number too (JSON Schema, 6.1.1).
    case "integer": value.kind == .number && (value.double.map { $0.rounded() == $0 } ?? false)
    case "boolean": value.bool != nil
    default: value.isNull
    }
  }
}
