/// One scalar of a configuration: its text and what the YAML 1.2 core schema makes of it.
public struct ConfigScalar: Sendable {
  /// The meaning of a scalar in the core schema.
  public enum Value: Sendable, Equatable {
    /// `null`, `Null`, `NULL`, `~` or nothing.
    case null
    /// `true`, `True`, `TRUE`, `false`, `False`, `FALSE`.
    case boolean(Bool)
    /// Decimal, `0o17` or `0xFF`, when it fits 64 bits.
    case integer(Int)
    /// Any other number, `.inf` and `.nan` included.
    case number(Double)
    /// Everything else, and everything in quotes.
    case string
  }

  /// The text after unquoting and interpolation.
  public let text: String
  /// Whether it was written in quotes or as a block, and therefore is a string.
  public let isQuoted: Bool
  /// Its meaning.
  public let value: Value
  /// The text as written, before interpolation; fault messages show this one, so that no variable's value leaks.
  let written: String

  /// A scalar of a YAML file.
  init(yaml text: String, isQuoted: Bool, written: String? = nil) {
    self.text = text
    self.isQuoted = isQuoted
    self.value = isQuoted ? .string : Self.resolve(text)
    self.written = written ?? text
  }

  /// A value of the environment or the command line: its type is what the declaration says, and nothing is null.
  init(plain text: String) {
    let resolved = Self.resolve(text)
    self.text = text
    self.isQuoted = false
    self.value = resolved == .null ? .string : resolved
    self.written = text
  }

  /// The scalar for a fault message: quoted where it was, cut when long.
  var displayText: String {
    let longest = 60
    let cut = written.count > longest ? written.prefix(longest) + "…" : written[...]
    let visible = String(cut.map { $0.isNewline || $0.unicodeScalars.contains { $0.value < 0x20 } ? " " : $0 })
    return isQuoted || value == .string ? "\"\(visible)\"" : visible
  }
}

extension ConfigScalar: Equatable {
  /// The same text with the same quoting.
  public static func == (left: ConfigScalar, right: ConfigScalar) -> Bool {
    left.text == right.text && left.isQuoted == right.isQuoted
  }
}

extension ConfigScalar {
  /// The core schema of YAML 1.2.2, section 10.3.2.
  static func resolve(_ text: String) -> Value {
    switch text {
    case "", "~", "null", "Null", "NULL": return .null
    case "true", "True", "TRUE": return .boolean(true)
    case "false", "False", "FALSE": return .boolean(false)
    case ".nan", ".NaN", ".NAN": return .number(.nan)
    default: break
    }
    if text.hasPrefix("0o"), let value = digits(text.dropFirst(2), radix: 8) { return .integer(value) }
    if text.hasPrefix("0x"), let value = digits(text.dropFirst(2), radix: 16) { return .integer(value) }
    let isNegative = text.hasPrefix("-")
    let unsigned = isNegative || text.hasPrefix("+") ? text.dropFirst() : text[...]
    if unsigned == ".inf" || unsigned == ".Inf" || unsigned == ".INF" {
      return .number(isNegative ? -.infinity : .infinity)
    }
    guard isNumber(unsigned) else { return .string }
    if let value = Int(text) { return .integer(value) }
    // Swift reads neither `.5` nor `5.`, both of which the schema allows.
    let canonical = unsigned.hasPrefix(".") ? "0\(unsigned)" : withoutBareDot(unsigned)
    guard let magnitude = Double(canonical) else { return .string }
    return .number(isNegative ? -magnitude : magnitude)
  }

  private static func digits(_ text: Substring, radix: Int) -> Int? {
    // `Int(_:radix:)` would accept a sign here.
    guard let first = text.first, first != "-", first != "+" else { return nil }
    return Int(text, radix: radix)
  }

  /// `(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
  private static func isNumber(_ text: Substring) -> Bool {
    var rest = text.utf8[...]
    func skipDigits() -> Int {
      let before = rest.count
      rest = rest.drop { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
      return before - rest.count
    }
    let whole = skipDigits()
    if rest.first == UInt8(ascii: ".") {
      rest = rest.dropFirst()
      if skipDigits() == 0, whole == 0 { return false }
    } else if whole == 0 {
      return false
    }
    if let mark = rest.first, mark | 0x20 == UInt8(ascii: "e") {
      rest = rest.dropFirst()
      if let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { rest = rest.dropFirst() }
      if skipDigits() == 0 { return false }
    }
    return rest.isEmpty
  }

  private static func withoutBareDot(_ text: Substring) -> String {
    guard let dot = text.firstIndex(of: ".") else { return String(text) }
    let after = text.index(after: dot)
    if after < text.endIndex, text[after].isNumber { return String(text) }
    return String(text[..<dot]) + text[after...]
  }
}
