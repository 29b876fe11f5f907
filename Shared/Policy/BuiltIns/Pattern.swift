/// A regular expression as policies use it, matched in a time that grows with the product of both lengths: all
/// alternatives advance together, nothing is tried again. Without back references and looking around.
struct Pattern: Sendable {
  private static let bytesMax = 2000
  private static let instructionsMax = 6000
  private static let depthMax = 40
  private static let repetitionsMax = 1000
  static let stepsMax = 20_000_000

  enum Instruction: Sendable {
    case scalar(Unicode.Scalar)
    case set(Set)
    case split(Int, Int)
    case jump(Int)
    case save(Int)
    case start
    case end
    case lineStart
    case lineEnd
    case wordBoundary(Bool)
    case match
  }

  struct Set: Sendable {
    var ranges: [ClosedRange<UInt32>] = []
    var isInverted = false

    func contains(_ scalar: Unicode.Scalar) -> Bool { ranges.contains { $0.contains(scalar.value) } != isInverted }

    static let digits = Set(ranges: [0x30...0x39])
    static let words = Set(ranges: [0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A])
    static let spaces = Set(ranges: [9...10, 12...13, 32...32])

    var inverted: Set {
      var at: UInt32 = 0
      var result: [ClosedRange<UInt32>] = []
      for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
        if range.lowerBound > at { result.append(at...(range.lowerBound - 1)) }
        at = max(at, range.upperBound + 1)
      }
      result.append(at...0x10FFFF)
      return Set(ranges: result)
    }
  }

  private indirect enum Part {
    case empty
    case one(Instruction)
    case sequence([Part])
    case choice([Part])
    case group(Part, Int)
    case many(Part, Int, Int?, isLazy: Bool)
  }

  private(set) var program: [Instruction] = []
  private(set) var groups = 1

  /// Whether a match begins where the text does.
  var isAnchored: Bool {
    for instruction in program {
      switch instruction {
      case .save: continue
      case .start: return true
      default: return false
      }
    }
    return false
  }

  init(_ source: String) throws {
    guard source.utf8.count <= Pattern.bytesMax else { throw EvaluationError(.builtIn, "the expression is too long") }
    var parser = Reader(source)
    let part = try parser.choice(0)
    guard parser.rest.isEmpty else {
      throw EvaluationError(.builtIn, "error parsing regexp: unexpected ): `\(source)`")
    }
    groups = parser.groups
    program.append(.save(0))
    try emit(part)
    program += [.save(1), .match]
  }

  // MARK: Reading

  private struct Reader {
    var rest: ArraySlice<Unicode.Scalar>
    var groups = 1
    var ignoresCase = false
    var matchesNewline = false
    var hasLines = false

    init(_ source: String) { rest = Array(source.unicodeScalars)[...] }

    func fault(_ what: String) -> EvaluationError { EvaluationError(.builtIn, "error parsing regexp: \(what)") }

    mutating func choice(_ depth: Int) throws -> Part {
      guard depth < Pattern.depthMax else { throw fault("expression nests too deeply") }
      var choices = [try sequence(depth)]
      while rest.first == "|" {
        rest.removeFirst()
        choices.append(try sequence(depth))
      }
      return choices.count == 1 ? choices[0] : .choice(choices)
    }

    private mutating func sequence(_ depth: Int) throws -> Part {
      var parts: [Part] = []
      while let next = rest.first, next != "|", next != ")" { parts.append(try repeated(depth)) }
      return parts.isEmpty ? .empty : .sequence(parts)
    }

    private mutating func repeated(_ depth: Int) throws -> Part {
      var part = try atom(depth)
      while let next = rest.first {
        let bounds: (Int, Int?)
        switch next {
        case "*": bounds = (0, nil)
        case "+": bounds = (1, nil)
        case "?": bounds = (0, 1)
        case "{":
          guard let read = try counts() else { return part }
          bounds = read
          let isLazy = rest.first == "?"
          if isLazy { rest.removeFirst() }
          part = .many(part, bounds.0, bounds.1, isLazy: isLazy)
          continue
        default: return part
        }
        rest.removeFirst()
        let isLazy = rest.first == "?"
        if isLazy { rest.removeFirst() }
        part = .many(part, bounds.0, bounds.1, isLazy: isLazy)
        if let after = rest.first, after == "*" || after == "+" || after == "?" {
          throw fault("invalid nested repetition operator")
        }
      }
      return part
    }

    /// `{2}`, `{2,}`, `{2,3}`; anything else is text.
    private mutating func counts() throws -> (Int, Int?)? {
      guard let end = rest.firstIndex(of: "}") else { return nil }
      let sides = BuiltIns.string(rest[(rest.startIndex + 1)..<end]).split(
        separator: ",", omittingEmptySubsequences: false)
      guard (1...2).contains(sides.count), let low = Int(sides[0]) else { return nil }
      var high: Int? = low
      if sides.count == 2 {
        high = sides[1].isEmpty ? nil : Int(sides[1])
        if !sides[1].isEmpty, high == nil { return nil }
      }
      guard low >= 0, low <= Pattern.repetitionsMax, high.map({ $0 >= low && $0 <= Pattern.repetitionsMax }) ?? true
      else {
        throw fault("invalid repeat count")
      }
      rest = rest[(end + 1)...]
      return (low, high)
    }

    private mutating func atom(_ depth: Int) throws -> Part {
      guard let scalar = rest.popFirst() else { return .empty }
      switch scalar {
      case "(": return try group(depth)
      case "[": return .one(.set(folded(try list())))
      case ".": return .one(.set(matchesNewline ? Set(ranges: [0...0x10FFFF]) : Set(ranges: [0...9, 11...0x10FFFF])))
      case "^": return .one(hasLines ? .lineStart : .start)
      case "$": return .one(hasLines ? .lineEnd : .end)
      case "*", "+", "?": throw fault("missing argument to repetition operator: `\(scalar)`")
      case "\\": return try escape()
      default: return literal(scalar)
      }
    }

    private func literal(_ scalar: Unicode.Scalar) -> Part {
      guard ignoresCase else { return .one(.scalar(scalar)) }
      return .one(.set(folded(Set(ranges: [scalar.value...scalar.value]))))
    }

    private func folded(_ set: Set) -> Set {
      guard ignoresCase, !set.isInverted else { return set }
      var set = set
      for range in set.ranges {
        for letter in UInt32(0x41)...0x5A {
          if range.contains(letter) { set.ranges.append((letter + 32)...(letter + 32)) }
          if range.contains(letter + 32) { set.ranges.append(letter...letter) }
        }
      }
      return set
    }

    private mutating func group(_ depth: Int) throws -> Part {
      let outer = (ignoresCase, matchesNewline, hasLines)
      var number: Int?
      if rest.first == "?" {
        rest.removeFirst()
        if rest.first == "P" || rest.first == "<" {
          if rest.first == "P" { rest.removeFirst() }
          guard rest.popFirst() == "<", let end = rest.firstIndex(of: ">"), end > rest.startIndex else {
            throw fault("invalid named capture")
          }
          rest = rest[(end + 1)...]
          number = groups
          groups += 1
        } else {
          var isOff = false
          flags: while let flag = rest.popFirst() {
            switch flag {
            case "i": ignoresCase = !isOff
            case "s": matchesNewline = !isOff
            case "m": hasLines = !isOff
            case "U": throw fault("the flag U is not known")
            case "-": isOff = true
            // For the rest of the group around.
            case ")": return .empty
            case ":": break flags
            default: throw fault("invalid or unsupported Perl syntax: `(?\(flag)`")
            }
          }
        }
      } else {
        number = groups
        groups += 1
      }
      let part = try choice(depth + 1)
      guard rest.popFirst() == ")" else { throw fault("missing closing )") }
      (ignoresCase, matchesNewline, hasLines) = outer
      return number.map { .group(part, $0) } ?? part
    }

    private static let classes: [Unicode.Scalar: Set] = [
      "d": .digits, "w": .words, "s": .spaces, "D": Set.digits.inverted, "W": Set.words.inverted,
      "S": Set.spaces.inverted,
    ]
    private static let named: [String: Set] = [
      "alpha": Set(ranges: [0x41...0x5A, 0x61...0x7A]), "digit": .digits, "space": Set(ranges: [9...13, 32...32]),
      "alnum": Set(ranges: [0x30...0x39, 0x41...0x5A, 0x61...0x7A]), "upper": Set(ranges: [0x41...0x5A]),
      "lower": Set(ranges: [0x61...0x7A]), "word": .words,
      "xdigit": Set(ranges: [0x30...0x39, 0x41...0x46, 0x61...0x66]),
      "punct": Set(ranges: [0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E]),
    ]

    private mutating func escape() throws -> Part {
      guard let scalar = rest.first else { throw fault("trailing backslash at end of expression") }
      if let set = Reader.classes[scalar] {
        rest.removeFirst()
        return .one(.set(set))
      }
      switch scalar {
      case "b", "B":
        rest.removeFirst()
        return .one(.wordBoundary(scalar == "b"))
      case "A":
        rest.removeFirst()
        return .one(.start)
      case "z":
        rest.removeFirst()
        return .one(.end)
      case "Q":
        rest.removeFirst()
        var parts: [Part] = []
        while let next = rest.popFirst() {
          if next == "\\", rest.first == "E" {
            rest.removeFirst()
            break
          }
          parts.append(literal(next))
        }
        return .sequence(parts)
      default: return literal(try escapedScalar())
      }
    }

    private mutating func escapedScalar() throws -> Unicode.Scalar {
      guard let scalar = rest.popFirst() else { throw fault("trailing backslash at end of expression") }
      switch scalar {
      case "n": return "\n"
      case "t": return "\t"
      case "r": return "\r"
      case "f": return "\u{0C}"
      case "v": return "\u{0B}"
      case "a": return "\u{07}"
      case "x":
        var digits = ""
        if rest.first == "{" {
          rest.removeFirst()
          while let digit = rest.popFirst(), digit != "}", digits.utf8.count < 8 { digits.unicodeScalars.append(digit) }
        } else {
          for _ in 0..<2 { if let digit = rest.popFirst() { digits.unicodeScalars.append(digit) } }
        }
        guard let value = UInt32(digits, radix: 16).flatMap({ Unicode.Scalar($0) }) else {
          throw fault("invalid escape sequence")
        }
        return value
      default:
        guard scalar.isASCII, !Lexer.isLetter(UInt8(scalar.value)) || scalar == "_", !Lexer.isDigit(UInt8(scalar.value))
        else {
          throw fault("invalid escape sequence: `\\\(scalar)`")
        }
        return scalar
      }
    }

    private mutating func list() throws -> Set {
      var set = Set()
      if rest.first == "^" {
        set.isInverted = true
        rest.removeFirst()
      }
      var isFirst = true
      while true {
        guard let scalar = rest.popFirst() else { throw fault("missing closing ]") }
        if scalar == "]", !isFirst { return set }
        isFirst = false
        if scalar == "[", rest.first == ":", let end = rest.firstIndex(of: "]") {
          var name = BuiltIns.string(rest[(rest.startIndex + 1)..<(end - 1)])
          let isInverted = name.hasPrefix("^")
          if isInverted { name.removeFirst() }
          guard rest[end - 1] == ":", let named = Reader.named[name] else {
            throw fault("invalid character class range")
          }
          set.ranges += isInverted ? named.inverted.ranges : named.ranges
          rest = rest[(end + 1)...]
          continue
        }
        var low = scalar
        if scalar == "\\" {
          if let next = rest.first, let named = Reader.classes[next] {
            rest.removeFirst()
            set.ranges += named.ranges
            continue
          }
          low = try escapedScalar()
        }
        guard rest.first == "-", let after = rest.dropFirst().first, after != "]" else {
          set.ranges.append(low.value...low.value)
          continue
        }
        rest.removeFirst(2)
        let high = after == "\\" ? try escapedScalar() : after
        guard low <= high else { throw fault("invalid character class range: `\(low)-\(high)`") }
        set.ranges.append(low.value...high.value)
      }
    }
  }

  // MARK: Instructions

  private mutating func emit(_ part: Part) throws {
    guard program.count < Pattern.instructionsMax else {
      throw EvaluationError(.builtIn, "the expression is too large")
    }
    switch part {
    case .empty: break
    case .one(let instruction): program.append(instruction)
    case .sequence(let parts): for part in parts { try emit(part) }
    case .group(let part, let number):
      program.append(.save(2 * number))
      try emit(part)
      program.append(.save(2 * number + 1))
    case .choice(let parts):
      var jumps: [Int] = []
      for part in parts.dropLast() {
        let split = program.count
        program.append(.split(split + 1, 0))
        try emit(part)
        jumps.append(program.count)
        program.append(.jump(0))
        program[split] = .split(split + 1, program.count)
      }
      if let last = parts.last { try emit(last) }
      for jump in jumps { program[jump] = .jump(program.count) }
    case .many(let part, let low, let high, let isLazy):
      for _ in 0..<low { try emit(part) }
      guard let high else {
        let split = program.count
        program.append(.split(0, 0))
        try emit(part)
        program.append(.jump(split))
        program[split] = isLazy ? .split(program.count, split + 1) : .split(split + 1, program.count)
        return
      }
      var splits: [Int] = []
      for _ in low..<max(low, high) {
        splits.append(program.count)
        program.append(.split(0, 0))
        try emit(part)
      }
      for split in splits {
        program[split] = isLazy ? .split(program.count, split + 1) : .split(split + 1, program.count)
      }
    }
  }
}
