internal import JSON

/// The form in which people read what a tool asks, and of which the digest is taken: members in order of their names,
/// no white space, and every number with the value that was written.
enum SubjectText {
  /// Significant digits that a `Double` keeps, whatever they are.
  private static let digitsMax = 15
  /// The sizes within which it keeps so many.
  private static let sizes = 1e-290...1e290

  /// The text of a value.
  static func bytes(_ view: JSONView) -> [UInt8] {
    var writer = JSONWriter()
    write(view, to: &writer)
    return writer.bytes
  }

  private static func write(_ view: JSONView, to writer: inout JSONWriter) {
    switch view.kind {
    case .array:
      writer.beginArray()
      for element in view.elements { write(element, to: &writer) }
      writer.endArray()
    case .object:
      writer.beginObject()
      let members = view.members.map { (key: $0.key.string ?? "", value: $0.value) }
      for member in members.sorted(by: { $0.key.utf16.lexicographicallyPrecedes($1.key.utf16) }) {
        writer.key(member.key)
        write(member.value, to: &writer)
      }
      writer.endObject()
    // A number that would be rounded stands as it was written: a person must not approve another one.
    case .number where !isKept(view): writer.raw(Array(view.rawBytes))
    default: JSONValue(view).write(to: &writer)
    }
  }

  /// Whether a number is the same when it is written from an `Int64` or a `Double`.
  private static func isKept(_ view: JSONView) -> Bool {
    guard view.int == nil else { return true }
    let mantissa = view.rawBytes.prefix { $0 | 0x20 != UInt8(ascii: "e") }
    let digits = mantissa.filter { $0 &- 48 < 10 }.drop { $0 == UInt8(ascii: "0") }
    guard !digits.isEmpty else { return true }
    guard digits.count <= digitsMax, let value = view.double else { return false }
    return sizes.contains(value.magnitude)
  }
}
