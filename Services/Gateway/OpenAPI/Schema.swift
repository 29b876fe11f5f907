package import JSON

/// A JSON Schema (draft 2020-12) of the API's document.
package struct Schema: Sendable, Hashable {
  /// The keywords in their order.
  package private(set) var members: [JSONValue.Member]

  init(_ members: [JSONValue.Member]) { self.members = members }

  /// The schema as JSON.
  package var value: JSONValue { .object(members) }

  private func with(_ name: String, _ value: JSONValue?) -> Schema {
    guard let value else { return self }
    var schema = self
    schema.members.append(.init(name, value))
    return schema
  }

  private func with(_ name: String, _ number: Int64?) -> Schema { with(name, number.map { .int($0) }) }

  private static func typed(_ name: String) -> Schema { Schema([.init("type", .string(name))]) }

  /// The same with a sentence for people.
  package func about(_ text: String?) -> Schema { with("description", text.map { .string($0) }) }

  /// The same with the value that counts where none is given.
  package func standard(_ value: JSONValue) -> Schema { with("default", value) }

  /// The same with an example, as JSON text.
  package func example(_ text: String) -> Schema { with("examples", Schema.json(text).map { .array([$0]) }) }

  /// The same, or `null`.
  package var orNull: Schema {
    guard !members.isEmpty else { return self }
    if case .string(let name)? = members.first?.value, members.first?.key == "type",
      !members.contains(where: { $0.key == "enum" })
    {
      var schema = self
      schema.members[0] = .init("type", .array([.string(name), .string("null")]))
      return schema
    }
    return .oneOf([self, Schema.typed("null")])
  }

  /// The longest text that is allowed; `nil` for no limit.
  package var lengthMax: Int? {
    guard case .int(let count)? = members.first(where: { $0.key == "maxLength" })?.value else { return nil }
    return Int(clamping: count)
  }

  /// A JSON text as a value; `nil` when it is none.
  static func json(_ text: String) -> JSONValue? {
    (try? JSONDocument(parsing: Array(text.utf8))).map { JSONValue($0.root) }
  }
}

// MARK: Kinds

extension Schema {
  /// A schema of the components.
  package static func ref(_ name: String) -> Schema { Schema([.init("$ref", .string("#/components/schemas/\(name)"))]) }

  /// A text of at most `max` characters. Limits of the API are in bytes of UTF-8: what is longer in characters is
  /// longer in bytes, too.
  package static func text(_ max: Int64? = nil, min: Int64? = nil, pattern: String? = nil) -> Schema {
    typed("string").with("minLength", min).with("maxLength", max).with("pattern", pattern.map { .string($0) })
  }

  /// A text of a known format.
  package static func format(_ name: String) -> Schema { typed("string").with("format", .string(name)) }

  /// A time in RFC 3339.
  package static var time: Schema { format("date-time") }

  /// 64 hexadecimal digits.
  package static var sha256: Schema { text(pattern: "^[0-9a-f]{64}$") }

  /// An id with its prefix.
  package static func id(_ prefix: String) -> Schema { text(pattern: "^\(prefix)_[0-9a-f]{32}$") }

  /// One of some words.
  package static func words(_ words: [String]) -> Schema {
    typed("string").with("enum", .array(words.map { .string($0) }))
  }

  /// A whole number.
  package static func int(_ range: ClosedRange<Int64>? = nil) -> Schema {
    typed("integer").with("minimum", range?.lowerBound).with("maximum", range?.upperBound)
  }

  /// A whole number from 0.
  package static var count: Schema { typed("integer").with("minimum", 0) }

  /// A number.
  package static func number(_ range: ClosedRange<Double>? = nil) -> Schema {
    typed("number").with("minimum", range.map { .double($0.lowerBound) })
      .with("maximum", range.map { .double($0.upperBound) })
  }

  /// `true` or `false`.
  package static var flag: Schema { typed("boolean") }

  /// A list.
  package static func list(_ of: Schema, _ max: Int64? = nil, min: Int64? = nil) -> Schema {
    typed("array").with("items", of.value).with("minItems", min).with("maxItems", max)
  }

  /// An object of any members.
  package static var free: Schema { typed("object").with("additionalProperties", .bool(true)) }

  /// An object whose members have any name and the same schema.
  package static func map(_ of: Schema, _ max: Int64? = nil) -> Schema {
    typed("object").with("additionalProperties", of.value).with("maxProperties", max)
  }

  /// Any JSON.
  package static var any: Schema { Schema([]) }

  /// One of several.
  package static func oneOf(_ schemas: [Schema]) -> Schema {
    Schema([.init("anyOf", .array(schemas.map(\.value)))])
  }

  /// All of several at once.
  package static func allOf(_ schemas: [Schema]) -> Schema {
    Schema([.init("allOf", .array(schemas.map(\.value)))])
  }

  /// An object. A document that is sent has no other members, and `null` in it is as good as no member; an answer may
  /// have more in a later version, as open ones have already.
  package static func object(_ members: [Member], isSent: Bool = false, isOpen: Bool = false) -> Schema {
    var schema = typed("object")
    if !members.isEmpty {
      schema = schema.with(
        "properties",
        .object(
          members.map { .init($0.name, (isSent && !$0.isRequired ? $0.schema.orNull : $0.schema).value) }))
    }
    let required = members.filter(\.isRequired).map { JSONValue.string($0.name) }
    if !required.isEmpty { schema = schema.with("required", .array(required)) }
    if isSent { schema = schema.with("additionalProperties", .bool(false)) }
    if isOpen { schema = schema.with("additionalProperties", .bool(true)) }
    return schema
  }

  /// A page of a list.
  package static func page(_ name: String, _ of: Schema, cursor: String = "next_cursor") -> Schema {
    .object([
      need(name, .list(of)),
      need(cursor, text().orNull, "Where the next page begins; `null` behind the last one."),
    ])
  }
}

/// A member of an object.
package struct Member: Sendable {
  let name: String
  let schema: Schema
  let isRequired: Bool
}

/// A member that is always there.
func need(_ name: String, _ schema: Schema, _ about: String? = nil) -> Member {
  Member(name: name, schema: schema.about(about), isRequired: true)
}

/// A member that may be left out.
func may(_ name: String, _ schema: Schema, _ about: String? = nil) -> Member {
  Member(name: name, schema: schema.about(about), isRequired: false)
}
