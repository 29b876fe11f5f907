extension BuiltIns {
  private static let decimalUnits: [String: Int128] = [
    "k": 1000, "m": 1_000_000, "g": 1_000_000_000, "t": 1_000_000_000_000, "p": 1_000_000_000_000_000,
    "e": 1_000_000_000_000_000_000,
  ]
  private static let binaryUnits: [String: Int128] = [
    "ki": 1 << 10, "mi": 1 << 20, "gi": 1 << 30, "ti": 1 << 40, "pi": 1 << 50, "ei": 1 << 60,
  ]

  static let units: [BuiltIn] = [
    BuiltIn("units.parse_bytes", 1) { list, _ in
      let (amount, unit) = try amount(try Argument.string(list, 0), "byte ")
      var name = unit.lowercased()
      if name.hasSuffix("b") { name.removeLast() }
      guard let factor = name.isEmpty ? 1 : decimalUnits[name] ?? binaryUnits[name] else {
        throw EvaluationError(.builtIn, "byte unit \(unit) not recognized")
      }
      let product = try times(amount, factor)
      return .number(product.whole == nil ? RegoNumber(product.double.rounded(.down)) : product)
    },
    BuiltIn("units.parse", 1) { list, _ in
      let (amount, unit) = try amount(try Argument.string(list, 0), "")
      if unit == "m" { return .number(RegoNumber(amount.double / 1000)) }
      guard let factor = unit.isEmpty ? 1 : decimalUnits[unit.lowercased()] ?? binaryUnits[unit.lowercased()] else {
        throw EvaluationError(.builtIn, "unit \(unit) not recognized")
      }
      return .number(try times(amount, factor))
    },
  ]

  private static func times(_ amount: RegoNumber, _ factor: Int128) throws -> RegoNumber {
    if let whole = amount.whole {
      let (product, overflow) = whole.multipliedReportingOverflow(by: factor)
      if !overflow { return .int(product) }
    }
    let product = amount.double * Double(factor)
    guard product.isFinite else { throw EvaluationError(.builtIn, "the amount is too large") }
    return RegoNumber(product)
  }

  /// The number at the beginning, and what follows.
  private static func amount(_ text: String, _ word: String) throws -> (RegoNumber, String) {
    let cleaned = text.filter { $0 != "\"" }
    guard !cleaned.contains(" ") else { throw EvaluationError(.builtIn, "spaces not allowed in resource strings") }
    let scalars = Array(cleaned.utf8)
    var end = 0
    while end < scalars.count {
      let byte = scalars[end]
      let isExponent =
        byte | 0x20 == UInt8(ascii: "e") && end + 1 < scalars.count
        && (Lexer.isDigit(scalars[end + 1])
          || (end + 2 < scalars.count
            && (scalars[end + 1] == UInt8(ascii: "-") || scalars[end + 1] == UInt8(ascii: "+"))
            && Lexer.isDigit(scalars[end + 2])))
      if isExponent {
        end += 2
      } else if Lexer.isDigit(byte) || byte == UInt8(ascii: ".")
        || (end == 0 && (byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+")))
      {
        end += 1
      } else {
        break
      }
    }
    let number = String(decoding: scalars[..<end], as: UTF8.self)
    guard !number.isEmpty else { throw EvaluationError(.builtIn, "no \(word)amount provided") }
    guard let amount = RegoNumber(number.hasPrefix("+") ? String(number.dropFirst()) : number) else {
      throw EvaluationError(.builtIn, "could not parse \(word)amount to a number")
    }
    return (amount, String(decoding: scalars[end...], as: UTF8.self))
  }

  // MARK: Versions

  static let semanticVersions: [BuiltIn] = [
    BuiltIn("semver.is_valid", 1) { list, _ in
      guard case .string(let text) = list[0] else { return .bool(false) }
      return .bool(version(text) != nil)
    },
    BuiltIn("semver.compare", 2) { list, _ in
      let texts = (try Argument.string(list, 0), try Argument.string(list, 1))
      guard let left = version(texts.0) else {
        throw EvaluationError(.builtIn, "operand 1: string \"\(texts.0)\" is not a valid SemVer")
      }
      guard let right = version(texts.1) else {
        throw EvaluationError(.builtIn, "operand 2: string \"\(texts.1)\" is not a valid SemVer")
      }
      for place in 0..<3 where left.numbers[place] != right.numbers[place] {
        return .int(left.numbers[place] < right.numbers[place] ? -1 : 1)
      }
      return .int(order(left.labels, right.labels))
    },
  ]

  private static func version(_ text: String) -> (numbers: [UInt64], labels: [String])? {
    let plain = text.split(separator: "+", maxSplits: 1, omittingEmptySubsequences: false)
    let sides = (plain.first ?? "").split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
    func isLabel(_ part: Substring) -> Bool {
      !part.isEmpty
        && part.utf8.allSatisfy {
          ($0 != UInt8(ascii: "_") && Lexer.isLetter($0)) || Lexer.isDigit($0) || $0 == UInt8(ascii: "-")
        }
    }
    let parts = (sides.first ?? "").split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 3 else { return nil }
    var numbers: [UInt64] = []
    for part in parts {
      guard part.utf8.allSatisfy({ Lexer.isDigit($0) }), part == "0" || part.first != "0", let number = UInt64(part)
      else { return nil }
      numbers.append(number)
    }
    let labels = sides.count > 1 ? sides[1].split(separator: ".", omittingEmptySubsequences: false) : []
    guard labels.allSatisfy(isLabel),
      plain.count < 2 || plain[1].split(separator: ".", omittingEmptySubsequences: false).allSatisfy(isLabel)
    else { return nil }
    return (numbers, labels.map(String.init))
  }

  private static func order(_ left: [String], _ right: [String]) -> Int {
    if left.isEmpty || right.isEmpty { return left.isEmpty == right.isEmpty ? 0 : left.isEmpty ? 1 : -1 }
    for (a, b) in zip(left, right) where a != b {
      switch (UInt64(a), UInt64(b)) {
      case (let a?, let b?): return a < b ? -1 : 1
      case (_?, nil): return -1
      case (nil, _?): return 1
      case (nil, nil): return RegoValue.compare(a, b) < 0 ? -1 : 1
      }
    }
    return left.count == right.count ? 0 : left.count < right.count ? -1 : 1
  }
}
