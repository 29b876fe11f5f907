/// Text of log lines: quoting, and hiding what must not be read there.
enum LogText {
  static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case _ where scalar.value < 0x20 || scalar.value == 0x7F:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }

  private static let secretNames = [
    "authorization", "apikey", "password", "passwd", "secret", "token", "cookie", "privatekey", "credential",
  ]

  /// Whether a field of this name may hold a secret. Counts of tokens are none.
  static func isSecret(_ name: String) -> Bool {
    let lower = name.lowercased()
    if lower.hasSuffix("tokens") || lower.hasSuffix("_count") { return false }
    // `x-api-key`, `api_key` and `apiKey` are one name.
    let joined = lower.filter { $0 != "_" && $0 != "-" && $0 != "." }
    return secretNames.contains { joined.contains($0) }
  }

  /// Hides bearer tokens, keys in the usual spellings and passwords in URLs.
  static func masked(_ text: String) -> String {
    guard
      text.contains("sk-") || text.contains("earer ") || text.contains("EARER ") || text.contains("cadre_")
        || text.contains("://")
    else {
      return text
    }
    return
      text
      .replacing(/([Bb](?:earer|EARER) )[A-Za-z0-9._~+\/=\-]{6,}/) { "\($0.1)[redacted]" }
      .replacing(/\bsk-[A-Za-z0-9_\-]{6,}/, with: "[redacted]")
      .replacing(/\bcadre_[A-Za-z0-9]{16,}/, with: "[redacted]")
      .replacing(/(:\/\/[^\/\s:@]*:)[^\/\s]+@/) { "\($0.1)[redacted]@" }
  }
}
