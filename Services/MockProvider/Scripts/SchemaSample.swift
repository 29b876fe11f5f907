internal import JSON

/// A document that fits a JSON schema, as far as such a schema says it in types, members, lists and alternatives. The
/// same schema always gives the same document.
struct SchemaSample {
  private static let depthMax = 16
  private static let valuesMax = 2000
  private static let itemsMax: Int64 = 16
  private static let textMax: Int64 = 1000

  private let root: JSONView
  private var values = 0

  /// The document as text.
  static func text(_ schema: JSONView) -> String {
    var sample = SchemaSample(root: schema)
    var writer = JSONWriter()
    sample.write(schema, depth: 0, to: &writer)
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  private init(root: JSONView) { self.root = root }

  private mutating func write(_ schema: JSONView, depth: Int, to writer: inout JSONWriter) {
    values += 1
    guard depth < SchemaSample.depthMax, values < SchemaSample.valuesMax else { return writer.null() }
    if let value = schema["const"] ?? schema["default"] ?? schema["enum"]?[0] { return writer.raw(value.rawBytes) }
    if let target = schema["$ref"]?.string.flatMap({ find($0) }) { return write(target, depth: depth + 1, to: &writer) }
    for word in ["anyOf", "oneOf", "allOf"] {
      if let choice = schema[word]?[0] { return write(choice, depth: depth + 1, to: &writer) }
    }
    switch schema["type"]?.string ?? schema["type"]?[0]?.string {
    case "string": writer.string(word(schema))
    case "integer":
      writer.int(schema["minimum"]?.int ?? schema["exclusiveMinimum"]?.int.map { $0 < .max ? $0 + 1 : $0 } ?? 1)
    case "number": writer.double(schema["minimum"]?.double ?? schema["exclusiveMinimum"]?.double.map { $0 + 1 } ?? 1)
    case "boolean": writer.bool(true)
    case "null": writer.null()
    case "array": list(schema, depth, &writer)
    case "object": object(schema, depth, &writer)
    default:
      if schema["properties"] != nil || depth == 0 { object(schema, depth, &writer) } else { writer.string("text") }
    }
  }

  private mutating func object(_ schema: JSONView, _ depth: Int, _ writer: inout JSONWriter) {
    writer.beginObject()
    var written: Set<String> = []
    for (name, value) in schema["properties"]?.members ?? JSONView.noMembers {
      guard let name = name.string, written.insert(name).inserted else { continue }
      writer.key(name)
      write(value, depth: depth + 1, to: &writer)
    }
    for name in (schema["required"].map { Array($0.elements) } ?? []).compactMap(\.string)
    where written.insert(name).inserted { writer.member(name, "text") }
    if schema["type"]?.string == "json_object" { writer.member("answer", "This is the mock provider.") }
    writer.endObject()
  }

  private mutating func list(_ schema: JSONView, _ depth: Int, _ writer: inout JSONWriter) {
    writer.beginArray()
    let count = max(1, min(schema["minItems"]?.int ?? 1, SchemaSample.itemsMax))
    if let items = schema["items"], items.kind == .object, schema["maxItems"]?.int != 0 {
      for _ in 0..<count { write(items, depth: depth + 1, to: &writer) }
    }
    writer.endArray()
  }

  private func word(_ schema: JSONView) -> String {
    let word: String =
      switch schema["format"]?.string {
      case "date": "2026-01-01"
      case "time": "12:00:00Z"
      case "date-time": "2026-01-01T12:00:00Z"
      case "email": "mock@example.com"
      case "uri", "url": "https://example.com/"
      case "uuid": "00000000-0000-4000-8000-000000000000"
      default: "text"
      }
    let length = max(0, min(schema["minLength"]?.int ?? 0, SchemaSample.textMax))
    if let most = schema["maxLength"]?.int, most >= 0, most < Int64(word.count) {
      return String(word.prefix(Int(most)))
    }
    return word.count >= length ? word : word + String(repeating: "x", count: Int(length) - word.count)
  }

  /// What a reference within the same document leads to.
  private func find(_ reference: String) -> JSONView? {
    guard reference.hasPrefix("#/") else { return reference == "#" ? root : nil }
    var view = root
    for part in reference.dropFirst(2).split(separator: "/", omittingEmptySubsequences: false) {
      let name = part.replacing("~1", with: "/").replacing("~0", with: "~")
      guard let next = view[String(name)] else { return nil }
      view = next
    }
    return view
  }
}
