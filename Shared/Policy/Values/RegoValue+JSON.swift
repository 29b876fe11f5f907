public import JSON

extension RegoValue {
  /// A JSON document as a value.
  public init(_ view: JSONView) {
    switch view.kind {
    case .null: self = .null
    case .true: self = .bool(true)
    case .false: self = .bool(false)
    case .number:
      self = RegoNumber(String(decoding: view.rawBytes, as: UTF8.self)).map { .number($0) } ?? .null
    case .string: self = .string(view.string ?? "")
    case .array: self = .array(view.elements.map { RegoValue($0) })
    case .object:
      self = .object(RegoObject(view.members.map { (.string($0.key.string ?? ""), RegoValue($0.value)) }))
    }
  }

  /// Writes the value as JSON: sets become lists, keys that are no text become their JSON.
  public func write(to writer: inout JSONWriter) {
    switch self {
    case .null: writer.null()
    case .bool(let value): writer.bool(value)
    case .number(let number): writer.raw(Array(number.description.utf8))
    case .string(let text): writer.string(text)
    case .array(let list): RegoValue.write(list, to: &writer)
    case .set(let set): RegoValue.write(set.elements, to: &writer)
    case .object(let object):
      writer.beginObject()
      for place in 0..<object.count {
        writer.key(object.keys[place].string ?? object.keys[place].json)
        object.values[place].write(to: &writer)
      }
      writer.endObject()
    }
  }

  private static func write(_ list: [RegoValue], to writer: inout JSONWriter) {
    writer.beginArray()
    for element in list { element.write(to: &writer) }
    writer.endArray()
  }

  /// The value as JSON text.
  public var json: String {
    var writer = JSONWriter()
    write(to: &writer)
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  /// The value as Rego writes it: sets in braces.
  var rego: String {
    switch self {
    case .array(let list): "[" + list.map(\.rego).joined(separator: ", ") + "]"
    case .set(let set): set.count == 0 ? "set()" : "{" + set.elements.map(\.rego).joined(separator: ", ") + "}"
    case .object(let object):
      "{" + (0..<object.count).map { "\(object.keys[$0].rego): \(object.values[$0].rego)" }.joined(separator: ", ")
        + "}"
    default: json
    }
  }
}
