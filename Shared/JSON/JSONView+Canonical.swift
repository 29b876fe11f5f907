extension JSONView {
  /// Significant digits that a `Double` keeps, whatever they are.
  private static let digitsMax = 15
  /// The sizes within which it keeps so many.
  private static let sizes = 1e-290...1e290

  /// The same value as the same bytes always: members in order of the UTF-16 code units of their names, no white space
  /// (after RFC 8785), and no number rounded: one that a `Double` does not keep stands as it was written. For digests,
  /// and for people who decide about what they read. Of an object, members with the `omitted` names are left out.
  public func canonicalBytes(omitting omitted: Set<String> = []) -> [UInt8] {
    var writer = JSONWriter()
    write(to: &writer, omitted)
    return writer.bytes
  }

  private func write(to writer: inout JSONWriter, _ omitted: Set<String>) {
    switch kind {
    case .array:
      writer.beginArray()
      for element in elements { element.write(to: &writer, []) }
      writer.endArray()
    case .object:
      writer.beginObject()
      let members = members.map { (key: $0.key.string ?? "", value: $0.value) }
      for member in members.sorted(by: { $0.key.utf16.lexicographicallyPrecedes($1.key.utf16) })
      where !omitted.contains(member.key) {
        writer.key(member.key)
        member.value.write(to: &writer, [])
      }
      writer.endObject()
    case .number where !isKept: writer.raw(Array(rawBytes))
    default: JSONValue(self).write(to: &writer)
    }
  }

  /// Whether a number is the same when it is written from an `Int64` or a `Double`.
  private var isKept: Bool {
    guard int == nil else { return true }
    let mantissa = rawBytes.prefix { $0 | 0x20 != UInt8(ascii: "e") }
    let digits = mantissa.filter { $0 &- 48 < 10 }.drop { $0 == UInt8(ascii: "0") }
    guard !digits.isEmpty else { return true }
    guard digits.count <= JSONView.digitsMax, let value = double else { return false }
    return JSONView.sizes.contains(value.magnitude)
  }
}
