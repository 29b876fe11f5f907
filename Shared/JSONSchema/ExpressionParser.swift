/// The parts of a regular expression.
indirect enum ExpressionPart {
  case empty
  case scalar(UInt32)
  case set(ScalarSet)
  case start, end
  case wordBoundary(isInverted: Bool)
  case sequence([ExpressionPart])
  case choice([ExpressionPart])
  /// `most` is nil when there is no bound.
  case repetition(ExpressionPart, least: Int, most: Int?)
  case lookAhead(ExpressionPart, isInverted: Bool)
}

/// Reads the grammar of ECMA-262, section 22.2.1.
struct ExpressionParser {
  /// Counts of repetitions beyond this are refused.
  private static let countMax = 1000

  private let text: [UInt32]
  private var position = 0
  private var depth = 0

  init(_ source: String) { text = source.unicodeScalars.map(\.value) }

  mutating func parse() throws(RegularExpressionError) -> ExpressionPart {
    let part = try choice()
    guard position == text.count else { throw RegularExpressionError("a parenthesis closes no group") }
    return part
  }

  // MARK: Reading

  private var next: UInt32? { position < text.count ? text[position] : nil }

  private static func value(_ character: Unicode.Scalar) -> UInt32 { character.value }

  private func isNext(_ character: Unicode.Scalar) -> Bool { next == character.value }

  private mutating func take(_ characters: String) -> Bool {
    let wanted = characters.unicodeScalars.map(\.value)
    guard text[position...].starts(with: wanted) else { return false }
    position += wanted.count
    return true
  }

  // MARK: Structure

  private mutating func choice() throws(RegularExpressionError) -> ExpressionPart {
    depth += 1
    defer { depth -= 1 }
    guard depth <= RegularExpression.groupDepthMax else {
      throw RegularExpressionError("its groups are nested more than \(RegularExpression.groupDepthMax) times")
    }
    var branches = [try sequence()]
    while take("|") { branches.append(try sequence()) }
    return branches.count == 1 ? branches[0] : .choice(branches)
  }

  private mutating func sequence() throws(RegularExpressionError) -> ExpressionPart {
    var parts: [ExpressionPart] = []
    while let value = next, value != ExpressionParser.value("|"), value != ExpressionParser.value(")") {
      let part = try term()
      parts.append(try quantified(part))
    }
    return parts.count == 1 ? parts[0] : parts.isEmpty ? .empty : .sequence(parts)
  }

  private mutating func term() throws(RegularExpressionError) -> ExpressionPart {
    let value = text[position]
    position += 1
    switch Unicode.Scalar(value) {
    case "^": return .start
    case "$": return .end
    case ".": return .set(.exceptLineEnds)
    case "(": return try group()
    case "[": return .set(try characterClass())
    case "\\": return try escape()
    case "*", "+", "?": throw RegularExpressionError("there is nothing to repeat before a quantifier")
    default: return .scalar(value)
    }
  }

  private mutating func group() throws(RegularExpressionError) -> ExpressionPart {
    var look: Bool?
    if take("?") {
      if take(":") {
      } else if take("=") {
        look = false
      } else if take("!") {
        look = true
      } else if take("<=") || take("<!") {
        throw RegularExpressionError("looking behind is not supported")
      } else if take("<") {
        while let value = next, value != ExpressionParser.value(">"), value != ExpressionParser.value(")") {
          position += 1
        }
        guard take(">") else { throw RegularExpressionError("the name of a group is not closed") }
      } else {
        throw RegularExpressionError("a group begins in an unknown way; flags inside an expression do not exist")
      }
    }
    let inner = try choice()
    guard take(")") else { throw RegularExpressionError("a group is not closed") }
    return look.map { .lookAhead(inner, isInverted: $0) } ?? inner
  }

  private mutating func quantified(_ part: ExpressionPart) throws(RegularExpressionError) -> ExpressionPart {
    var least = 0
    var most: Int?
    if take("*") {
    } else if take("+") {
      least = 1
    } else if take("?") {
      most = 1
    } else if isNext("{"), let counts = try counts() {
      (least, most) = counts
    } else {
      return part
    }
    switch part {
    case .start, .end, .wordBoundary, .lookAhead:
      throw RegularExpressionError("an assertion cannot be repeated")
    default: break
    }
    // Whether as few as possible are taken does not matter to whether there is a match.
    _ = take("?")
    return .repetition(part, least: least, most: most)
  }

  /// `{2}`, `{2,}`, `{2,5}`; `nil` when the brace stands for itself.
  private mutating func counts() throws(RegularExpressionError) -> (Int, Int?)? {
    let begin = position
    position += 1
    guard let least = try number() else {
      position = begin
      return nil
    }
    var most: Int? = least
    if take(",") { most = try number() }
    guard take("}") else {
      position = begin
      return nil
    }
    if let most, most < least { throw RegularExpressionError("the counts of a repetition are in the wrong order") }
    return (least, most)
  }

  private mutating func number() throws(RegularExpressionError) -> Int? {
    var value: Int?
    while let digit = next, (48...57).contains(digit) {
      let sum = (value ?? 0) * 10 + Int(digit - 48)
      guard sum <= ExpressionParser.countMax else {
        throw RegularExpressionError("a repetition counts to \(ExpressionParser.countMax) at most")
      }
      value = sum
      position += 1
    }
    return value
  }

  // MARK: Escapes

  private mutating func escape() throws(RegularExpressionError) -> ExpressionPart {
    if take("b") { return .wordBoundary(isInverted: false) }
    if take("B") { return .wordBoundary(isInverted: true) }
    if let value = next, (49...57).contains(value) || value == ExpressionParser.value("k") {
      throw RegularExpressionError("back references are not supported")
    }
    if let set = try classEscape() { return .set(set) }
    return .scalar(try characterEscape())
  }

  /// `\d`, `\w`, `\s`, `\p{...}` and their opposites.
  private mutating func classEscape() throws(RegularExpressionError) -> ScalarSet? {
    for (letter, set) in [("d", ScalarSet.digits), ("w", .wordCharacters), ("s", .blanks)] {
      if take(letter) { return set }
      if take(letter.uppercased()) { return ScalarSet(others: [set], isInverted: true) }
    }
    let isInverted = isNext("P")
    guard take("p") || take("P") else { return nil }
    guard take("{") else { throw RegularExpressionError("a property stands in braces, as in \\p{L}") }
    var name = ""
    while let value = next, value != ExpressionParser.value("}"), name.utf8.count < 60 {
      name.unicodeScalars.append(Unicode.Scalar(value) ?? "?")
      position += 1
    }
    guard take("}"), let property = ScalarProperty(named: name) else {
      throw RegularExpressionError("the property '\(name)' is not supported; general categories such as L, Lu, Nd are")
    }
    return ScalarSet(properties: [property], isInverted: isInverted)
  }

  private mutating func characterEscape() throws(RegularExpressionError) -> UInt32 {
    guard let value = next else { throw RegularExpressionError("it ends with a backslash") }
    position += 1
    switch Unicode.Scalar(value) {
    case "t": return 9
    case "n": return 10
    case "v": return 11
    case "f": return 12
    case "r": return 13
    case "0":
      if let digit = next, (48...57).contains(digit) { throw RegularExpressionError("octal escapes do not exist") }
      return 0
    case "c":
      guard let letter = next, (65...90).contains(letter & ~0x20) else {
        throw RegularExpressionError("\\c is followed by a letter")
      }
      position += 1
      return letter & 0x1F
    case "x": return try hexadecimal(2)
    case "u":
      if take("{") {
        var value: UInt32 = 0
        var count = 0
        while let digit = next.flatMap(ExpressionParser.hexadecimalDigit), count < 6 {
          value = value << 4 | digit
          count += 1
          position += 1
        }
        guard count > 0, take("}"), value <= 0x10FFFF else {
          throw RegularExpressionError("\\u{...} holds a code point")
        }
        return value
      }
      return try surrogatePair(first: try hexadecimal(4))
    default:
      let isLetter = (65...90).contains(value & ~0x20) || (48...57).contains(value) || value == 95 || value > 127
      if isLetter { throw RegularExpressionError("an escape is not known") }
      return value
    }
  }

  private mutating func surrogatePair(first: UInt32) throws(RegularExpressionError) -> UInt32 {
    let begin = position
    if (0xD800...0xDBFF).contains(first), take("\\u"), let second = try? hexadecimal(4),
      (0xDC00...0xDFFF).contains(second)
    {
      return 0x10000 + (first - 0xD800) << 10 + (second - 0xDC00)
    }
    position = begin
    return first
  }

  private mutating func hexadecimal(_ count: Int) throws(RegularExpressionError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<count {
      guard let digit = next.flatMap(ExpressionParser.hexadecimalDigit) else {
        throw RegularExpressionError("an escape has \(count) hexadecimal digits")
      }
      value = value << 4 | digit
      position += 1
    }
    return value
  }

  private static func hexadecimalDigit(_ value: UInt32) -> UInt32? {
    switch value {
    case 48...57: value - 48
    case 65...70: value - 55
    case 97...102: value - 87
    default: nil
    }
  }

  // MARK: Classes

  private mutating func characterClass() throws(RegularExpressionError) -> ScalarSet {
    var set = ScalarSet(isInverted: take("^"))
    while !take("]") {
      guard let first = try classAtom(&set) else { continue }
      let begin = position
      guard take("-"), !isNext("]"), next != nil else {
        position = begin
        set.ranges.append(first...first)
        continue
      }
      guard let last = try classAtom(&set) else {
        // A set beside a hyphen: all three stand for themselves.
        set.ranges += [first...first, 45...45]
        continue
      }
      guard first <= last else { throw RegularExpressionError("the ends of a range are in the wrong order") }
      set.ranges.append(first...last)
    }
    return set
  }

  /// One code point of a class; `nil` when a whole set was added.
  private mutating func classAtom(_ set: inout ScalarSet) throws(RegularExpressionError) -> UInt32? {
    guard let value = next else { throw RegularExpressionError("a class is not closed") }
    position += 1
    guard value == ExpressionParser.value("\\") else { return value }
    if take("b") { return 8 }
    if take("-") { return 45 }
    if let other = try classEscape() {
      set.others.append(other)
      return nil
    }
    return try characterEscape()
  }
}
