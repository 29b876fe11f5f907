internal import Glibc

/// `sprintf`: the verbs of Go that policies use, with flags, width and precision within bounds.
enum Formatter {
  private static let widthMax = 10_000

  private struct Verb {
    var isLeft = false
    var hasZeros = false
    var hasSign = false
    var isAlternate = false
    var width = 0
    var precision: Int?
  }

  static func format(_ format: String, _ values: [RegoValue]) throws -> String {
    var text = ""
    var rest = Substring(format).unicodeScalars
    var used = 0
    while let scalar = rest.popFirst() {
      guard scalar == "%" else {
        text.unicodeScalars.append(scalar)
        continue
      }
      var verb = Verb()
      flags: while let flag = rest.first {
        switch flag {
        case "-": verb.isLeft = true
        case "0": verb.hasZeros = true
        case "+": verb.hasSign = true
        case "#": verb.isAlternate = true
        case " ": break
        default: break flags
        }
        rest.removeFirst()
      }
      verb.width = try number(&rest) ?? 0
      if rest.first == "." {
        rest.removeFirst()
        verb.precision = try number(&rest) ?? 0
      }
      guard let letter = rest.popFirst() else {
        text += "%!(NOVERB)"
        break
      }
      if letter == "%" {
        text += "%"
        continue
      }
      guard used < values.count else {
        text += "%!\(letter)(MISSING)"
        continue
      }
      text += padded(shown(values[used], letter, verb), verb, values[used])
      used += 1
    }
    if used < values.count {
      let extra = values[used...].map { "\(goType($0))=\(plain($0))" }.joined(separator: ", ")
      text += "%!(EXTRA \(extra))"
    }
    return text
  }

  private static func number(_ rest: inout Substring.UnicodeScalarView) throws -> Int? {
    var digits = ""
    while let scalar = rest.first, ("0"..."9").contains(scalar) {
      digits.unicodeScalars.append(scalar)
      rest.removeFirst()
    }
    guard !digits.isEmpty else { return nil }
    guard let value = Int(digits), value <= widthMax else { throw EvaluationError(.builtIn, "a width is too large") }
    return value
  }

  private static func plain(_ value: RegoValue) -> String { value.string ?? value.rego }

  private static func goType(_ value: RegoValue) -> String {
    switch value {
    case .number(let number): number.whole == nil ? "float64" : "int"
    default: "string"
    }
  }

  private static func shown(_ value: RegoValue, _ letter: Unicode.Scalar, _ verb: Verb) -> String {
    switch (letter, value) {
    case ("v", _), ("s", .string):
      let text = plain(value)
      return verb.precision.map { letter == "s" ? String(text.unicodeScalars.prefix($0).map { Character($0) }) : text }
        ?? text
    case ("s", .number(let number)): return number.description
    case ("s", _): return value.rego
    case ("d", .number(let number)):
      guard let whole = number.whole else { return "%!d(float64=\(number.description))" }
      return sign(whole, verb) + String(whole)
    case ("x", .number(let number)), ("X", .number(let number)), ("o", .number(let number)), ("b", .number(let number)):
      guard let whole = number.whole else { return "%!\(letter)(float64=\(number.description))" }
      let radix = letter == "o" ? 8 : letter == "b" ? 2 : 16
      return (verb.isAlternate && radix == 16 ? "0\(letter)" : "")
        + String(whole, radix: radix, uppercase: letter == "X")
    case ("x", .string(let text)): return text.utf8.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    case ("f", .number(let number)), ("e", .number(let number)), ("g", .number(let number)):
      return floating(number.double, letter, verb)
    case ("t", .bool(let truth)): return truth ? "true" : "false"
    case ("q", .string): return value.json
    case ("c", .number(let number)):
      return number.int.flatMap { UInt32(exactly: $0) }.flatMap { Unicode.Scalar($0) }.map { String($0) } ?? "\u{FFFD}"
    case ("T", _): return goType(value)
    default: return "%!\(letter)(\(goType(value))=\(plain(value)))"
    }
  }

  private static func sign(_ value: Int128, _ verb: Verb) -> String { verb.hasSign && value >= 0 ? "+" : "" }

  private static func floating(_ value: Double, _ letter: Unicode.Scalar, _ verb: Verb) -> String {
    if letter == "g", verb.precision == nil { return RegoNumber(value).description }
    let precision = verb.precision ?? 6
    let format = letter == "f" ? "%.*f" : letter == "e" ? "%.*e" : "%.*g"
    return withVaList([Int32(min(precision, 400)), value]) { arguments in
      var buffer = [CChar](repeating: 0, count: 1024)
      let count = vsnprintf(&buffer, buffer.count, format, arguments)
      return String(
        decoding: buffer.prefix(max(0, min(Int(count), buffer.count - 1))).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
  }

  private static func padded(_ text: String, _ verb: Verb, _ value: RegoValue) -> String {
    let missing = verb.width - text.unicodeScalars.count
    guard missing > 0 else { return text }
    if verb.isLeft { return text + String(repeating: " ", count: missing) }
    guard verb.hasZeros, case .number = value else { return String(repeating: " ", count: missing) + text }
    let isNegative = text.hasPrefix("-") || text.hasPrefix("+")
    return text.prefix(isNegative ? 1 : 0) + String(repeating: "0", count: missing) + text.dropFirst(isNegative ? 1 : 0)
  }
}
