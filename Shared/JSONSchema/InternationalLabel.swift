/// What a label of an internationalized host name may hold (RFC 5892, RFC 5893).
///
/// Scripts and directions follow from blocks, which covers the code points that the rules name; a code point that is
/// not assigned yet is refused.
enum InternationalLabel {
  static func isValid(_ label: [Unicode.Scalar], needsNormalForm: Bool) -> Bool {
    guard let first = label.first, label.last != "-", first != "-" else { return false }
    if label.count >= 4, label[2] == "-", label[3] == "-" { return false }
    if isMark(first) { return false }
    return label.indices.allSatisfy { index in
      contextRule(label, index) ?? isPermitted(label[index], needsNormalForm)
    }
  }

  private static func isMark(_ scalar: Unicode.Scalar) -> Bool {
    [.nonspacingMark, .spacingMark, .enclosingMark].contains(scalar.properties.generalCategory)
  }

  /// The derived property of RFC 5892, section 3.
  private static func isPermitted(_ scalar: Unicode.Scalar, _ needsNormalForm: Bool) -> Bool {
    switch scalar.value {
    case 0xDF, 0x3C2, 0x6FD, 0x6FE, 0xF0B, 0x3007: return true
    case 0x640, 0x7FA, 0x302E, 0x302F, 0x3031...0x3035, 0x303B: return false
    case 0x2D, 0x30...0x39, 0x61...0x7A: return true
    // Upper case is looked up in lower case.
    case 0x41...0x5A: return true
    case 0x1100...0x11FF, 0xA960...0xA97F, 0xD7B0...0xD7FF: return false
    default: break
    }
    let properties = scalar.properties
    if properties.isNoncharacterCodePoint || properties.isDefaultIgnorableCodePoint || properties.isWhitespace {
      return false
    }
    if properties.changesWhenNFKCCaseFolded { return !needsNormalForm && properties.isUppercase }
    switch properties.generalCategory {
    case .lowercaseLetter, .otherLetter, .modifierLetter, .nonspacingMark, .spacingMark, .decimalNumber: return true
    default: return false
    }
  }

  // MARK: Context (RFC 5892, appendix A)

  /// For code points that are allowed beside certain others; `nil` for all others.
  private static func contextRule(_ label: [Unicode.Scalar], _ index: Int) -> Bool? {
    let before = index > 0 ? label[index - 1] : nil
    let after = index + 1 < label.count ? label[index + 1] : nil
    switch label[index].value {
    case 0x200C: return before.map(isVirama) == true || joins(label, index)
    case 0x200D: return before.map(isVirama) == true
    case 0xB7: return before == "l" && after == "l"
    case 0x375: return after.map { (0x370...0x3FF).contains($0.value) || (0x1F00...0x1FFF).contains($0.value) } == true
    case 0x5F3, 0x5F4: return before.map { (0x591...0x5F4).contains($0.value) } == true
    case 0x30FB:
      return label.contains { scalar in
        switch scalar.value {
        case 0x3041...0x309F, 0x30A1...0x30FA, 0x30FD...0x30FF, 0x31F0...0x31FF, 0x3400...0x4DBF, 0x4E00...0x9FFF,
          0x3005, 0x3007, 0xF900...0xFAFF, 0x20000...0x3134F:
          true
        default: false
        }
      }
    case 0x660...0x669: return !label.contains { (0x6F0...0x6F9).contains($0.value) }
    case 0x6F0...0x6F9: return !label.contains { (0x660...0x669).contains($0.value) }
    default: return nil
    }
  }

  private static func isVirama(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.canonicalCombiningClass == .virama
  }

  /// Between letters that join, marks left out.
  private static func joins(_ label: [Unicode.Scalar], _ index: Int) -> Bool {
    let before = label[..<index].last { !isMark($0) }
    let after = label[(index + 1)...].first { !isMark($0) }
    guard let before, let after else { return false }
    return joinsOnBothSides(before) && (joinsOnBothSides(after) || isArabicLetter(after))
  }

  private static func isArabicLetter(_ scalar: Unicode.Scalar) -> Bool {
    (0x620...0x74A).contains(scalar.value) || (0x750...0x77F).contains(scalar.value)
  }

  private static func joinsOnBothSides(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    // Those of the Arabic block that join with the letter before them only.
    case 0x621...0x625, 0x627, 0x629, 0x62F...0x632, 0x648, 0x671...0x677, 0x688...0x699, 0x6C0, 0x6C3...0x6CB, 0x6CD,
      0x6CF, 0x6D2...0x6D3, 0x6D5, 0x6EE, 0x6EF:
      false
    default: isArabicLetter(scalar)
    }
  }

  // MARK: Direction (RFC 5893)

  private enum Direction {
    case left, right, europeanNumber, arabicNumber, mark, neutral
  }

  private static func direction(_ scalar: Unicode.Scalar) -> Direction {
    switch scalar.value {
    case 0x30...0x39, 0x6F0...0x6F9: return .europeanNumber
    case 0x660...0x669, 0x6DD: return .arabicNumber
    // The hyphen, and what joins letters or keeps them apart.
    case 0x2D, 0x200C, 0x200D: return .neutral
    default: break
    }
    if [.nonspacingMark, .enclosingMark].contains(scalar.properties.generalCategory) { return .mark }
    switch scalar.value {
    case 0x590...0x8FF, 0xFB1D...0xFDFF, 0xFE70...0xFEFF, 0x10800...0x10FFF, 0x1E800...0x1EFFF: return .right
    default: return .left
    }
  }

  /// Whether a label has anything that is written from right to left.
  static func isRightToLeft(_ label: [Unicode.Scalar]) -> Bool {
    label.contains { [.right, .arabicNumber].contains(direction($0)) }
  }

  static func followsBidiRule(_ label: [Unicode.Scalar]) -> Bool {
    let directions = label.map(direction)
    let last = directions.last { $0 != .mark }
    switch directions.first {
    case .right:
      return !directions.contains(.left) && [.right, .europeanNumber, .arabicNumber].contains(last)
        && !(directions.contains(.europeanNumber) && directions.contains(.arabicNumber))
    case .left:
      return !directions.contains(.right) && !directions.contains(.arabicNumber)
        && [.left, .europeanNumber].contains(last)
    default: return false
    }
  }
}
