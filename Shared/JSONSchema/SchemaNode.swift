internal import JSON

/// The number of a subschema in a compiled schema.
typealias SchemaID = Int

/// A subschema, compiled: what of its keywords is there.
struct SchemaNode: Sendable {
  /// Where it stands, as a JSON pointer from the root of the document.
  let pointer: String
  /// The schema resource (the nearest `$id` above) that it belongs to.
  let resource: Int
  /// `true` or `false` in the place of keywords.
  var always: Bool?
  var reference: SchemaID?
  var dynamicReference: DynamicReference?

  var types: TypeSet?
  /// `enum` and `const`, each a list of what is allowed.
  var allowed: [Allowed] = []

  var numbers: NumberRules?
  var strings: StringRules?
  var arrays: ArrayRules?
  var objects: ObjectRules?

  var allOf: [SchemaID] = []
  var anyOf: [SchemaID] = []
  var oneOf: [SchemaID] = []
  var not: SchemaID?
  var condition: Condition?
  var unevaluatedItems: SchemaID?
  var unevaluatedProperties: SchemaID?

  /// `$dynamicRef`: `name` is there when the reference leads to a `$dynamicAnchor`.
  struct DynamicReference: Sendable {
    let target: SchemaID
    let name: String?
  }

  struct Allowed: Sendable {
    let keyword: String
    let values: Set<ComparableValue>
    /// As they are written in the schema, for messages.
    let text: String
  }

  struct Condition: Sendable {
    let test: SchemaID
    var then: SchemaID?
    var otherwise: SchemaID?
  }
}

/// `type`
struct TypeSet: OptionSet, Sendable {
  let rawValue: UInt8

  static let null = TypeSet(rawValue: 1)
  static let boolean = TypeSet(rawValue: 2)
  static let integer = TypeSet(rawValue: 4)
  static let number = TypeSet(rawValue: 8)
  static let string = TypeSet(rawValue: 16)
  static let array = TypeSet(rawValue: 32)
  static let object = TypeSet(rawValue: 64)

  static let named: [(name: String, type: TypeSet)] = [
    ("null", .null), ("boolean", .boolean), ("integer", .integer), ("number", .number), ("string", .string),
    ("array", .array), ("object", .object),
  ]

  /// With articles, for messages.
  var described: String {
    let words: [(TypeSet, String)] = [
      (.null, "null"), (.boolean, "a boolean"), (.integer, "an integer"), (.number, "a number"),
      (.string, "a string"), (.array, "an array"), (.object, "an object"),
    ]
    return words.filter { contains($0.0) }.map(\.1).joined(separator: " or ")
  }
}

/// A bound as it is compared and as it is written.
struct NumberBound: Sendable {
  let value: DecimalNumber
  let text: String
}

/// Keywords about numbers.
struct NumberRules: Sendable {
  var minimum: NumberBound?
  var maximum: NumberBound?
  var exclusiveMinimum: NumberBound?
  var exclusiveMaximum: NumberBound?
  var multipleOf: (divisor: DecimalNumber.Divisor, text: String)?
}

/// Keywords about strings.
struct StringRules: Sendable {
  var lengthMin: Int?
  var lengthMax: Int?
  var pattern: RegularExpression?
  var format: StringFormat?

  var needsLength: Bool { lengthMin != nil || lengthMax != nil }
}

/// Keywords about arrays.
struct ArrayRules: Sendable {
  var countMin: Int?
  var countMax: Int?
  var areUnique = false
  var prefix: [SchemaID] = []
  var items: SchemaID?
  var contains: SchemaID?
  var containsMin: Int?
  var containsMax: Int?
}

/// Keywords about objects.
struct ObjectRules: Sendable {
  var countMin: Int?
  var countMax: Int?
  var required: [String] = []
  var dependentRequired: [(key: String, needs: [String])] = []
  var dependentSchemas: [(key: String, schema: SchemaID)] = []
  var names: SchemaID?
  var properties: [ExactName: SchemaID] = [:]
  var patterns: [(pattern: RegularExpression, schema: SchemaID)] = []
  var additional: SchemaID?

  /// Whether the values of members are looked at one by one.
  var hasMemberRules: Bool { names != nil || !properties.isEmpty || !patterns.isEmpty || additional != nil }
}
