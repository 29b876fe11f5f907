/// A regular expression of ECMA-262 (with the flag `u`), matched anywhere in a text in a time that grows with the
/// product of both lengths: all alternatives advance together, nothing is tried again.
///
/// Left out are back references, looking behind, and Unicode properties other than general categories; such an
/// expression is refused.
public struct RegularExpression: Sendable {
  /// The longest expression, in bytes.
  public static let bytesMax = 2000
  /// Instructions, after repetitions were unrolled.
  static let instructionsMax = 5000
  /// Groups inside each other.
  static let groupDepthMax = 40

  /// The expression as it was given.
  public let source: String
  /// The first is the expression, the others are those that look ahead.
  let programs: [[Instruction]]

  /// Compiles an expression. With `ignoresCase` a letter stands for both of its forms where each is one code point.
  public init(_ source: String, ignoresCase: Bool = false) throws(RegularExpressionError) {
    guard source.utf8.count <= RegularExpression.bytesMax else {
      throw RegularExpressionError("it is longer than \(RegularExpression.bytesMax) bytes")
    }
    self.source = source
    var parser = ExpressionParser(source)
    var generator = ProgramGenerator(ignoresCase: ignoresCase)
    try generator.add(try parser.parse())
    programs = generator.programs
  }

  /// Whether the expression occurs in a text; `nil` when that takes more than so many steps.
  public func matches(_ text: some StringProtocol, stepsMax: Int = 10_000_000) -> Bool? {
    var steps = stepsMax
    let isMatch = matches(text.unicodeScalars.map(\.value), steps: &steps)
    return steps < 0 ? nil : isMatch
  }

  /// The same for code points, for searches in many texts with one bound: `steps` goes down, and is less than zero when
  /// they did not suffice.
  public func matches(_ text: [UInt32], steps: inout Int) -> Bool {
    ExpressionMatcher(programs: programs, text: text).matches(program: 0, from: 0, isAnchored: false, steps: &steps)
  }
}

/// What is wrong with a regular expression.
public struct RegularExpressionError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A clause such as `a group is not closed`.
  public let description: String

  init(_ description: String) { self.description = description }
}

/// One step of the machine that matches.
enum Instruction: Sendable {
  /// One code point.
  case scalar(UInt32)
  /// One code point of a set.
  case set(ScalarSet)
  /// Both ways at once.
  case split(Int, Int)
  case jump(Int)
  /// The start or end of the text.
  case start, end
  /// Between a word character and another one, or not.
  case wordBoundary(isInverted: Bool)
  /// Another program matches from here on, or does not.
  case lookAhead(program: Int, isInverted: Bool)
  case accept
}

/// A set of code points: ranges and general categories.
struct ScalarSet: Sendable {
  var ranges: [ClosedRange<UInt32>] = []
  var properties: [ScalarProperty] = []
  /// Sets inside this one.
  var others: [ScalarSet] = []
  var isInverted = false
  /// Whether the other form of a letter counts too.
  var ignoresCase = false

  func contains(_ value: UInt32) -> Bool {
    if ignoresCase { return containsFolded(value) }
    return holds(value) != isInverted
  }

  private func containsFolded(_ value: UInt32) -> Bool {
    (holds(value) || ScalarSet.otherForms(of: value).contains { holds($0) }) != isInverted
  }

  /// The upper-case and lower-case forms that are one code point.
  static func otherForms(of value: UInt32) -> [UInt32] {
    guard let properties = Unicode.Scalar(value)?.properties else { return [] }
    return [properties.lowercaseMapping, properties.uppercaseMapping].compactMap { text in
      let scalars = text.unicodeScalars
      guard scalars.count == 1, let other = scalars.first?.value, other != value else { return nil }
      return other
    }
  }

  private func holds(_ value: UInt32) -> Bool {
    var isInside = ranges.contains { $0.contains(value) } || others.contains { $0.contains(value) }
    if !isInside, !properties.isEmpty, let scalar = Unicode.Scalar(value) {
      isInside = properties.contains { $0.holds(scalar) }
    }
    return isInside
  }

  static let digits = ScalarSet(ranges: [48...57])
  static let wordCharacters = ScalarSet(ranges: [48...57, 65...90, 95...95, 97...122])
  static let blanks = ScalarSet(ranges: [
    9...13, 32...32, 0xA0...0xA0, 0x1680...0x1680, 0x2000...0x200A, 0x2028...0x2029, 0x202F...0x202F,
    0x205F...0x205F, 0x3000...0x3000, 0xFEFF...0xFEFF,
  ])
  static let exceptLineEnds = ScalarSet(ranges: [10...10, 13...13, 0x2028...0x2029], isInverted: true)
}

/// A Unicode property by which `\p{...}` selects.
enum ScalarProperty: Sendable {
  case any, ascii, alphabetic, uppercase, lowercase, whitespace
  case categories(Set<Unicode.GeneralCategory>)

  init?(named name: String) {
    let name =
      name.hasPrefix("gc=") ? name.dropFirst(3) : name.hasPrefix("General_Category=") ? name.dropFirst(17) : name[...]
    switch name {
    case "Any": self = .any
    case "ASCII": self = .ascii
    case "Alphabetic", "Alpha": self = .alphabetic
    case "Uppercase", "Upper": self = .uppercase
    case "Lowercase", "Lower": self = .lowercase
    case "White_Space", "space": self = .whitespace
    default:
      let known = ScalarProperty.categories.filter { $0.names.contains(name) }
      guard !known.isEmpty else { return nil }
      self = .categories(Set(known.map(\.category)))
    }
  }

  func holds(_ scalar: Unicode.Scalar) -> Bool {
    switch self {
    case .any: true
    case .ascii: scalar.isASCII
    case .alphabetic: scalar.properties.isAlphabetic
    case .uppercase: scalar.properties.isUppercase
    case .lowercase: scalar.properties.isLowercase
    case .whitespace: scalar.properties.isWhitespace
    case .categories(let categories): categories.contains(scalar.properties.generalCategory)
    }
  }

  /// Each category with its names and those of its groups.
  private static let categories: [(category: Unicode.GeneralCategory, names: Set<Substring>)] = [
    (.uppercaseLetter, ["Lu", "Uppercase_Letter", "LC", "Cased_Letter", "L", "Letter"]),
    (.lowercaseLetter, ["Ll", "Lowercase_Letter", "LC", "Cased_Letter", "L", "Letter"]),
    (.titlecaseLetter, ["Lt", "Titlecase_Letter", "LC", "Cased_Letter", "L", "Letter"]),
    (.modifierLetter, ["Lm", "Modifier_Letter", "L", "Letter"]),
    (.otherLetter, ["Lo", "Other_Letter", "L", "Letter"]),
    (.nonspacingMark, ["Mn", "Nonspacing_Mark", "M", "Mark", "Combining_Mark"]),
    (.spacingMark, ["Mc", "Spacing_Mark", "M", "Mark", "Combining_Mark"]),
    (.enclosingMark, ["Me", "Enclosing_Mark", "M", "Mark", "Combining_Mark"]),
    (.decimalNumber, ["Nd", "Decimal_Number", "digit", "N", "Number"]),
    (.letterNumber, ["Nl", "Letter_Number", "N", "Number"]), (.otherNumber, ["No", "Other_Number", "N", "Number"]),
    (.connectorPunctuation, ["Pc", "Connector_Punctuation", "P", "Punctuation", "punct"]),
    (.dashPunctuation, ["Pd", "Dash_Punctuation", "P", "Punctuation", "punct"]),
    (.openPunctuation, ["Ps", "Open_Punctuation", "P", "Punctuation", "punct"]),
    (.closePunctuation, ["Pe", "Close_Punctuation", "P", "Punctuation", "punct"]),
    (.initialPunctuation, ["Pi", "Initial_Punctuation", "P", "Punctuation", "punct"]),
    (.finalPunctuation, ["Pf", "Final_Punctuation", "P", "Punctuation", "punct"]),
    (.otherPunctuation, ["Po", "Other_Punctuation", "P", "Punctuation", "punct"]),
    (.mathSymbol, ["Sm", "Math_Symbol", "S", "Symbol"]), (.currencySymbol, ["Sc", "Currency_Symbol", "S", "Symbol"]),
    (.modifierSymbol, ["Sk", "Modifier_Symbol", "S", "Symbol"]), (.otherSymbol, ["So", "Other_Symbol", "S", "Symbol"]),
    (.spaceSeparator, ["Zs", "Space_Separator", "Z", "Separator"]),
    (.lineSeparator, ["Zl", "Line_Separator", "Z", "Separator"]),
    (.paragraphSeparator, ["Zp", "Paragraph_Separator", "Z", "Separator"]),
    (.control, ["Cc", "Control", "cntrl", "C", "Other"]), (.format, ["Cf", "Format", "C", "Other"]),
    (.surrogate, ["Cs", "Surrogate", "C", "Other"]), (.privateUse, ["Co", "Private_Use", "C", "Other"]),
    (.unassigned, ["Cn", "Unassigned", "C", "Other"]),
  ]
}
