internal import JSON

/// A JSON value that is new in parts and elsewhere as it came. What is not changed is neither copied nor converted, so
/// that numbers keep their digits.
indirect enum JSONNode: Sendable {
  /// As it came.
  case view(JSONView)
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
  case array([JSONNode])
  /// Members in their order.
  case object([Member])

  /// One member of an object.
  struct Member: Sendable {
    let key: String
    var value: JSONNode
  }

  /// An object of members in their order.
  static func members(_ members: (String, JSONNode)...) -> JSONNode {
    .object(members.map { Member(key: $0.0, value: $0.1) })
  }

  /// An object of a `type`, which most parts of requests are.
  static func typed(_ type: String, _ members: (String, JSONNode)...) -> JSONNode {
    .object([Member(key: "type", value: .string(type))] + members.map { Member(key: $0.0, value: $0.1) })
  }

  /// A text part of the chat and messages dialects.
  static func text(_ text: String) -> JSONNode { .typed("text", ("text", .string(text))) }

  /// The same with a text as it came, which is then neither read nor escaped again.
  static func text(_ text: JSONNode?) -> JSONNode {
    .typed("text", ("text", text?.kind == .string ? text ?? .null : .string("")))
  }

  /// Arguments stand some levels deep in a request, whose own depth is limited.
  private static let textDepthMax = 100

  /// A parsed text, or nil when it is no JSON object.
  static func parsedObject(_ text: String) -> JSONNode? {
    guard let document = try? JSONDocument(parsing: text, limits: JSONLimits(depthMax: textDepthMax)),
      document.root.kind == .object
    else { return nil }
    return .view(document.root)
  }
}

// MARK: Reading

extension JSONNode {
  /// What kind of value it is.
  var kind: JSONKind {
    switch self {
    case .view(let view): view.kind
    case .null: .null
    case .bool(let value): value ? .true : .false
    case .int, .double: .number
    case .string: .string
    case .array: .array
    case .object: .object
    }
  }

  var isNull: Bool { kind == .null }

  var string: String? {
    switch self {
    case .view(let view): view.string
    case .string(let value): value
    default: nil
    }
  }

  /// Whether it is no text, or one with nothing to be seen.
  var isBlankText: Bool {
    if case .view(let view) = self, PassthroughCheck.hasInk(view) { return false }
    return string?.isBlank ?? true
  }

  var bool: Bool? {
    switch self {
    case .view(let view): view.bool
    case .bool(let value): value
    default: nil
    }
  }

  var int: Int64? {
    switch self {
    case .view(let view): view.int
    case .int(let value): value
    default: nil
    }
  }

  var double: Double? {
    switch self {
    case .view(let view): view.double
    case .int(let value): Double(value)
    case .double(let value): value
    default: nil
    }
  }

  /// Elements of a list or members of an object; 0 for others.
  var count: Int {
    switch self {
    case .view(let view): view.count
    case .array(let elements): elements.count
    case .object(let members): members.count
    default: 0
    }
  }

  /// The elements of a list; none for others.
  var elements: [JSONNode] {
    switch self {
    case .view(let view): view.elements.map { .view($0) }
    case .array(let elements): elements
    default: []
    }
  }

  /// The members of an object; none for others.
  var members: [Member] {
    switch self {
    case .view(let view): view.members.map { Member(key: $0.key.string ?? "", value: .view($0.value)) }
    case .object(let members): members
    default: []
    }
  }

  /// A member that is there and not null.
  subscript(_ key: String) -> JSONNode? {
    switch self {
    case .view(let view): view.present(key).map { .view($0) }
    case .object(let members): members.first { $0.key == key && !$0.value.isNull }?.value
    default: nil
    }
  }

  /// Whether there is a member, also one that is null.
  func has(_ key: String) -> Bool {
    switch self {
    case .view(let view): view[key] != nil
    case .object(let members): members.contains { $0.key == key }
    default: false
    }
  }

  /// The value as JSON text.
  var json: String { String(decoding: bytes, as: UTF8.self) }

  /// The value as JSON text.
  var bytes: [UInt8] {
    var writer = JSONWriter()
    write(to: &writer)
    return writer.bytes
  }

  func write(to writer: inout JSONWriter) {
    switch self {
    case .view(let view): writer.raw(view.rawBytes)
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
}

// MARK: Changing

extension JSONNode {
  /// Puts a member in place of the one of that name, or behind the others.
  mutating func set(_ key: String, _ value: JSONNode) {
    var members = members
    if let index = members.firstIndex(where: { $0.key == key }) {
      members[index].value = value
    } else {
      members.append(Member(key: key, value: value))
    }
    self = .object(members)
  }

  mutating func set(_ key: String, ifPresent value: JSONNode?) { if let value { set(key, value) } }

  /// Takes a member away; whether it was there.
  @discardableResult
  mutating func remove(_ key: String) -> Bool {
    guard has(key) else { return false }
    self = .object(members.filter { $0.key != key })
    return true
  }
}
