/// A JSON value that can be built and changed. For small documents; large ones stay in a `JSONDocument`.
public indirect enum JSONValue: Hashable, Sendable {
  /// `null`
  case null
  /// A truth value.
  case bool(Bool)
  /// A whole number.
  case int(Int64)
  /// Another number.
  case double(Double)
  /// A string.
  case string(String)
  /// A list.
  case array([JSONValue])
  /// Members in their order.
  case object([Member])

  /// One member of an object.
  public struct Member: Hashable, Sendable {
    /// The key.
    public let key: String
    /// The value.
    public var value: JSONValue

    /// Makes a member.
    public init(_ key: String, _ value: JSONValue) {
      self.key = key
      self.value = value
    }
  }

  /// Copies a parsed value. The depth was limited when it was parsed.
  public init(_ view: JSONView) {
    switch view.kind {
    case .null: self = .null
    case .true: self = .bool(true)
    case .false: self = .bool(false)
    case .number:
      if let int = view.int { self = .int(int) } else { self = .double(view.double ?? .infinity) }
    case .string: self = .string(view.string ?? "")
    case .array: self = .array(view.elements.map { JSONValue($0) })
    case .object: self = .object(view.members.map { Member($0.key.string ?? "", JSONValue($0.value)) })
    }
  }

  /// Writes the value.
  public func write(to writer: inout JSONWriter) {
    switch self {
    case .null: writer.null()
    case .bool(let value): writer.bool(value)
    case .int(let value): writer.int(value)
    case .double(let value): writer.double(value)
    case .string(let value): writer.string(value)
    case .array(let elements):
      writer.beginArray()
      for element in elements { element.write(to: &writer) }
      writer.endArray()
    case .object(let members):
      writer.beginObject()
      for member in members {
        writer.key(member.key)
        member.value.write(to: &writer)
      }
      writer.endObject()
    }
  }

  /// The same value as the same bytes always: keys in order of their UTF-16 code units, no white space (after RFC
  /// 8785). For digests.
  public func canonicalBytes() -> [UInt8] {
    var writer = JSONWriter()
    sorted().write(to: &writer)
    return writer.bytes
  }

  private func sorted() -> JSONValue {
    switch self {
    case .array(let elements): .array(elements.map { $0.sorted() })
    case .object(let members):
      .object(
        members.sorted { $0.key.utf16.lexicographicallyPrecedes($1.key.utf16) }.map {
          Member($0.key, $0.value.sorted())
        })
    default: self
    }
  }
}
