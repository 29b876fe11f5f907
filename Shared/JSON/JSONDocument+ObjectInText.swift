extension JSONDocument {
  /// The object that a text of a model holds, read leniently: with a code fence around it, or written twice, as a
  /// string with the object in it. Nothing, and `null`, is the empty object. `nil` when there is none that is whole.
  public init?(objectIn text: String, limits: JSONLimits = .standard) {
    let bytes = JSONDocument.trimmed(Array(text.utf8)[...])
    if bytes.isEmpty || bytes.elementsEqual("null".utf8) {
      guard let empty = try? JSONDocument(parsing: "{}") else { return nil }
      self = empty
      return
    }
    func read(_ bytes: ArraySlice<UInt8>) -> JSONDocument? {
      bytes.isEmpty ? nil : try? JSONDocument(lenientlyParsing: Array(bytes), limits: limits)
    }
    guard var document = read(bytes) ?? read(JSONDocument.unfenced(bytes)) else { return nil }
    if let inner = document.root.string {
      guard let again = read(JSONDocument.trimmed(Array(inner.utf8)[...])) else { return nil }
      document = again
    }
    guard document.root.kind == .object else { return nil }
    self = document
  }

  private static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    let start = bytes.drop { $0 <= 0x20 }
    guard let end = start.lastIndex(where: { $0 > 0x20 }) else { return [] }
    return start[...end]
  }

  /// What stands between ``` and ```, without the name of a language.
  private static func unfenced(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    let fence = Array("```".utf8)
    guard bytes.starts(with: fence), bytes.count >= 6, bytes.suffix(3).elementsEqual(fence) else { return [] }
    let inner = bytes.dropFirst(3).dropLast(3).drop { $0 != UInt8(ascii: "{") && $0 != UInt8(ascii: "\n") }
    return trimmed(inner)
  }
}
