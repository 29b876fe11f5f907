internal import JSON

extension JSONValue {
  /// An object of members in their order.
  static func members(_ members: (String, JSONValue)...) -> JSONValue {
    .object(members.map { Member($0.0, $0.1) })
  }

  /// The bytes.
  var bytes: [UInt8] {
    var writer = JSONWriter()
    write(to: &writer)
    return writer.bytes
  }

  /// A parsed text, or nil when it is no JSON object.
  static func parsedObject(_ text: String) -> JSONValue? {
    guard let document = try? JSONDocument(parsing: text), document.root.kind == .object else { return nil }
    return JSONValue(document.root)
  }
}

/// An object under construction.
struct ObjectBuilder {
  private(set) var members: [JSONValue.Member] = []

  mutating func add(_ key: String, _ value: JSONValue) { members.append(JSONValue.Member(key, value)) }
  mutating func add(_ key: String, ifPresent view: JSONView?) {
    if let view, !view.isNull { add(key, JSONValue(view)) }
  }
  var value: JSONValue { .object(members) }
}

extension JSONView {
  /// The member when it is there and not null.
  func present(_ key: String) -> JSONView? {
    guard let value = self[key], !value.isNull else { return nil }
    return value
  }

  /// The exact text of the value.
  var rawText: String { String(decoding: rawBytes, as: UTF8.self) }
}

/// A `data:` URL of the kind that images are sent in (RFC 2397, base64 only).
struct DataURL {
  let mediaType: String
  let base64: String

  init(mediaType: String, base64: String) {
    self.mediaType = mediaType
    self.base64 = base64
  }

  init?(_ text: String) {
    guard text.prefix(5).lowercased() == "data:", let comma = text.firstIndex(of: ",") else { return nil }
    let head = text[text.index(text.startIndex, offsetBy: 5)..<comma]
    guard head.suffix(7).lowercased() == ";base64" else { return nil }
    mediaType = String(head.dropLast(7))
    base64 = String(text[text.index(after: comma)...])
  }

  var text: String { "data:\(mediaType);base64,\(base64)" }
}
