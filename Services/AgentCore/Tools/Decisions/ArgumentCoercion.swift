internal import JSON

/// Rewrites arguments toward the types that a schema names. What cannot be changed stays as it is: whether the outcome
/// fits is decided by the schema afterwards.
enum ArgumentCoercion {
  private static let depthMax = 32
  private static let innerLimits = JSONLimits(depthMax: 32, bytesMax: 1 << 20, nodesMax: 100_000)

  static func write(_ value: JSONView, _ schema: JSONView?, to writer: inout JSONWriter, depth: Int) {
    guard depth < depthMax, let schema, schema.kind == .object else { return writer.raw(value.rawBytes) }
    let types = types(of: schema)
    guard types.isEmpty || fits(value, types) else { return convert(value, types, schema, &writer, depth) }
    switch value.kind {
    case .object: writeObject(value, schema, &writer, depth)
    case .array:
      writer.beginArray()
      for element in value.elements { write(element, schema["items"], to: &writer, depth: depth + 1) }
      writer.endArray()
    default: writer.raw(value.rawBytes)
    }
  }

  private static func writeObject(_ value: JSONView, _ schema: JSONView, _ writer: inout JSONWriter, _ depth: Int) {
    let required = Set((schema["required"]?.elements).map { $0.compactMap(\.string) } ?? [])
    let properties = schema["properties"]
    writer.beginObject()
    for (key, member) in value.members {
      let name = key.string ?? ""
      let rules = properties?[name]
      // Models write null for what they leave out.
      if member.isNull, !required.contains(name), let rules, rules.kind == .object {
        let types = types(of: rules)
        if !types.isEmpty, !types.contains("null") { continue }
      }
      writer.key(name)
      write(member, rules, to: &writer, depth: depth + 1)
    }
    writer.endObject()
  }

  private static func types(of schema: JSONView) -> Set<String> {
    guard let type = schema["type"] else { return [] }
    if let name = type.string { return [name] }
    return Set(type.elements.compactMap(\.string))
  }

  private static func fits(_ value: JSONView, _ types: Set<String>) -> Bool {
    switch value.kind {
    case .null: types.contains("null")
    case .true, .false: types.contains("boolean")
    case .number: types.contains("number") || types.contains("integer")
    case .string: types.contains("string")
    case .array: types.contains("array")
    case .object: types.contains("object")
    }
  }

  private static func convert(
    _ value: JSONView, _ types: Set<String>, _ schema: JSONView, _ writer: inout JSONWriter, _ depth: Int
  ) {
    switch value.kind {
    case .string:
      guard let text = value.string, let inner = try? JSONDocument(parsing: text, limits: innerLimits),
        inner.root.kind != .string, inner.root.kind != .null, fits(inner.root, types)
      else { return writer.raw(value.rawBytes) }
      write(inner.root, schema, to: &writer, depth: depth + 1)
    case .number, .true, .false:
      guard types.contains("string") else { return writer.raw(value.rawBytes) }
      writer.string(String(decoding: value.rawBytes, as: UTF8.self))
    default: writer.raw(value.rawBytes)
    }
  }
}
