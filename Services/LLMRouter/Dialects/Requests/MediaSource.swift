internal import JSON

/// Where images and documents come from, in the shapes of the dialects.
enum MediaSource {
  /// A source of the Messages API as a URL; nil for those that are none.
  static func url(_ source: JSONNode?) -> String? {
    switch source?["type"]?.string {
    case "base64":
      return DataURL(
        mediaType: source?["media_type"]?.string ?? "application/octet-stream", base64: source?["data"]?.string ?? ""
      ).text
    case "url": return source?["url"]?.string
    default: return nil
    }
  }

  /// A URL as the source of an image.
  static func image(_ url: String) -> JSONNode {
    guard let data = DataURL(url) else { return .typed("url", ("url", .string(url))) }
    // Parameters may follow the type.
    let told = data.mediaType.split(separator: ";").first.map { $0.lowercased() } ?? ""
    let type = signs.first { data.base64.hasPrefix($0.sign) }?.type ?? (told == "image/jpg" ? "image/jpeg" : told)
    return .typed("base64", ("media_type", .string(type)), ("data", .string(data.base64)))
  }

  /// How images begin in base 64. Anthropic refuses those that are not what they are called; OpenAI does not look at
  /// the name.
  private static let signs = [
    (sign: "iVBORw0KGgo", type: "image/png"), (sign: "/9j/", type: "image/jpeg"), (sign: "R0lGOD", type: "image/gif"),
    (sign: "UklGR", type: "image/webp"),
  ]

  /// A URL, or bare base 64, as the source of a document: only PDFs are taken as such, texts are taken as text.
  static func document(_ url: String) -> JSONNode {
    guard let data = DataURL(url) else {
      guard !url.hasPrefix("http:"), !url.hasPrefix("https:") else { return .typed("url", ("url", .string(url))) }
      return .typed("base64", ("media_type", .string("application/pdf")), ("data", .string(url)))
    }
    // Parameters such as a character set may follow the type.
    let type = data.mediaType.split(separator: ";").first.map { $0.lowercased() } ?? ""
    if type.hasPrefix("text/") || type == "application/json", let bytes = Base64Text.decode(data.base64) {
      return .typed("text", ("media_type", .string("text/plain")), ("data", .string(bytes)))
    }
    return .typed("base64", ("media_type", .string(type)), ("data", .string(data.base64)))
  }
}

/// Base 64 (RFC 4648) of texts.
enum Base64Text {
  /// The text; nil when it is none.
  static func decode(_ text: String) -> String? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count / 4 * 3)
    var bits: UInt32 = 0
    var bitCount = 0
    for byte in text.utf8 {
      let value: UInt8
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = byte - 65
      case UInt8(ascii: "a")...UInt8(ascii: "z"): value = byte - 71
      case UInt8(ascii: "0")...UInt8(ascii: "9"): value = byte + 4
      case UInt8(ascii: "+"), UInt8(ascii: "-"): value = 62
      case UInt8(ascii: "/"), UInt8(ascii: "_"): value = 63
      case UInt8(ascii: "="), 10, 13: continue
      default: return nil
      }
      bits = (bits << 6 | UInt32(value)) & 0xFFFF
      bitCount += 6
      if bitCount >= 8 {
        bitCount -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(bitCount)))
      }
    }
    return String(validating: bytes, as: UTF8.self)
  }
}
