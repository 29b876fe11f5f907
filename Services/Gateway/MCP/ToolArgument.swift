internal import JSON

/// One argument of a tool: a property of its input schema.
struct ToolArgument: Sendable {
  /// What values it takes.
  enum Kind: Sendable {
    /// A text, by its length in characters.
    case text(ClosedRange<Int>)
    /// A text of a certain form.
    case pattern(String)
    /// One of several words.
    case word([String])
    /// A whole number.
    case whole(ClosedRange<Int64>)
    /// An object of any members.
    case object
    /// A list of texts.
    case texts(countMax: Int, lengthMax: Int)
    /// Any JSON value.
    case any
  }

  let name: String
  let kind: Kind
  let isRequired: Bool
  let description: String

  init(_ name: String, _ kind: Kind, isRequired: Bool = false, _ description: String) {
    self.name = name
    self.kind = kind
    self.isRequired = isRequired
    self.description = description
  }

  /// An id, by the word before its digits.
  static func id(_ name: String, _ prefix: String, isRequired: Bool = false, _ description: String) -> ToolArgument {
    ToolArgument(name, .pattern("^\(prefix)_[0-9a-f]{32}$"), isRequired: isRequired, description)
  }

  /// The input schema of a tool.
  static func schema(_ arguments: [ToolArgument]) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("type", "object")
    writer.key("properties")
    writer.beginObject()
    for argument in arguments {
      writer.key(argument.name)
      writer.beginObject()
      argument.kind.write(to: &writer)
      writer.member("description", argument.description)
      writer.endObject()
    }
    writer.endObject()
    let required = arguments.filter(\.isRequired).map(\.name)
    if !required.isEmpty { writer.member("required", required) }
    writer.member("additionalProperties", false)
    writer.endObject()
    return writer.bytes
  }
}

extension ToolArgument.Kind {
  fileprivate func write(to writer: inout JSONWriter) {
    switch self {
    case .text(let length):
      writer.member("type", "string")
      if length.lowerBound > 0 { writer.member("minLength", Int64(length.lowerBound)) }
      writer.member("maxLength", Int64(length.upperBound))
    case .pattern(let expression):
      writer.member("type", "string")
      writer.member("pattern", expression)
    case .word(let words):
      writer.member("type", "string")
      writer.member("enum", words)
    case .whole(let range):
      writer.member("type", "integer")
      writer.member("minimum", range.lowerBound)
      writer.member("maximum", range.upperBound)
    case .object: writer.member("type", "object")
    case .texts(let countMax, let lengthMax):
      writer.member("type", "array")
      writer.member("maxItems", Int64(countMax))
      writer.key("items")
      writer.beginObject()
      writer.member("type", "string")
      writer.member("minLength", 1 as Int64)
      writer.member("maxLength", Int64(lengthMax))
      writer.endObject()
    case .any: break
    }
  }
}
