/// What the content of an answer is, by its `Content-Type`.
public enum ContentKind: Hashable, Sendable {
  /// HTML.
  case html
  /// JSON.
  case json
  /// Other text.
  case text
  /// Anything else.
  case binary

  private static let texts: Set<String> = [
    "application/xml", "application/javascript", "application/ecmascript", "application/yaml", "application/x-yaml",
    "application/toml", "application/sql", "application/x-ndjson", "application/jsonl", "application/graphql",
    "application/x-www-form-urlencoded", "application/csv",
  ]

  /// Reads a value; without one it is binary, and may still look like text.
  public init(_ value: String?) {
    let type = ContentKind.mediaType(value)
    switch type {
    case "text/html", "application/xhtml+xml": self = .html
    case "application/json", "text/json": self = .json
    default:
      if type.hasSuffix("+json") {
        self = .json
      } else if type.hasPrefix("text/") || type.hasSuffix("+xml") || ContentKind.texts.contains(type) {
        self = .text
      } else {
        self = .binary
      }
    }
  }

  /// Type and subtype in small letters; empty when there are none.
  public static func mediaType(_ value: String?) -> String {
    let type = (value ?? "").prefix { $0 != ";" }.filter { !$0.isWhitespace }.lowercased()
    return type.utf8.count <= 100 ? type : ""
  }

  /// The value of `charset` in small letters; `nil` when there is none.
  static func charset(_ value: String?) -> String? {
    for parameter in (value ?? "").split(separator: ";").dropFirst().prefix(10) {
      let parts = parameter.split(separator: "=", maxSplits: 1)
      guard parts.count == 2, parts[0].filter({ !$0.isWhitespace }).lowercased() == "charset" else { continue }
      return parts[1].filter { !$0.isWhitespace && $0 != "\"" && $0 != "'" }.lowercased()
    }
    return nil
  }

  /// The text of bytes: UTF-16 with a mark or a name, Latin-1 or its relative of Windows where they are named, else
  /// UTF-8 with U+FFFD for what is none.
  public static func decode(_ bytes: [UInt8], contentType: String?) -> String {
    if bytes.starts(with: [0xFF, 0xFE]) { return utf16(bytes.dropFirst(2), isBig: false) }
    if bytes.starts(with: [0xFE, 0xFF]) { return utf16(bytes.dropFirst(2), isBig: true) }
    let body = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes[...]
    switch charset(contentType) {
    case "utf-16le": return utf16(body, isBig: false)
    case "utf-16be": return utf16(body, isBig: true)
    case "iso-8859-1", "latin1", "windows-1252", "cp1252": return latin(body)
    default: return String(decoding: body, as: UTF8.self)
    }
  }

  private static func utf16(_ bytes: ArraySlice<UInt8>, isBig: Bool) -> String {
    var units: [UInt16] = []
    units.reserveCapacity(bytes.count / 2)
    var rest = bytes
    while let first = rest.popFirst(), let second = rest.popFirst() {
      units.append(isBig ? UInt16(first) << 8 | UInt16(second) : UInt16(second) << 8 | UInt16(first))
    }
    return String(decoding: units, as: UTF16.self)
  }

  /// What stands in Windows-1252 where Latin-1 has control characters.
  private static let windows: [UInt32] = [
    0x20AC, 0xFFFD, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0xFFFD,
    0x017D, 0xFFFD, 0xFFFD, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A,
    0x0153, 0xFFFD, 0x017E, 0x0178,
  ]

  private static func latin(_ bytes: ArraySlice<UInt8>) -> String {
    var scalars = String.UnicodeScalarView()
    for byte in bytes {
      let value = (0x80...0x9F).contains(byte) ? windows[Int(byte) - 0x80] : UInt32(byte)
      scalars.append(Unicode.Scalar(value) ?? "\u{FFFD}")
    }
    return String(scalars)
  }

  /// Whether bytes without a type can be shown: UTF-8 without control characters at their beginning.
  public static func looksLikeText(_ bytes: [UInt8]) -> Bool {
    let head = bytes.prefix(1024)
    return !head.contains { $0 < 0x20 && $0 != 0x09 && $0 != 0x0A && $0 != 0x0D || $0 == 0x7F }
  }
}
