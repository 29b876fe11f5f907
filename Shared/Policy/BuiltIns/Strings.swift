extension BuiltIns {
  static let strings: [BuiltIn] = [
    BuiltIn("concat", 2) { list, evaluator in
      let separator = try Argument.string(list, 0)
      return try evaluator.bounded(try Argument.strings(list, 1).joined(separator: separator))
    },
    BuiltIn("contains", 2) { list, _ in
      let (text, part) = (Array(try Argument.string(list, 0).utf8), Array(try Argument.string(list, 1).utf8))
      return .bool(index(of: part, in: text, from: 0) != nil)
    },
    BuiltIn("startswith", 2) { list, _ in
      .bool(try Argument.string(list, 0).utf8.starts(with: try Argument.string(list, 1).utf8))
    },
    BuiltIn("endswith", 2) { list, _ in
      .bool(try Argument.string(list, 0).utf8.reversed().starts(with: try Argument.string(list, 1).utf8.reversed()))
    },
    BuiltIn("strings.any_prefix_match", 2) { list, _ in
      let (texts, parts) = (try textOrTexts(list, 0), try textOrTexts(list, 1))
      return .bool(texts.contains { text in parts.contains { text.utf8.starts(with: $0.utf8) } })
    },
    BuiltIn("strings.any_suffix_match", 2) { list, _ in
      let (texts, parts) = (try textOrTexts(list, 0), try textOrTexts(list, 1))
      return .bool(texts.contains { text in parts.contains { text.utf8.reversed().starts(with: $0.utf8.reversed()) } })
    },
    BuiltIn("strings.count", 2) { list, _ in
      let (text, part) = (Array(try Argument.string(list, 0).utf8), Array(try Argument.string(list, 1).utf8))
      if part.isEmpty { return .int(try Argument.string(list, 0).unicodeScalars.count + 1) }
      var (count, at) = (0, 0)
      while let place = index(of: part, in: text, from: at) {
        count += 1
        at = place + part.count
      }
      return .int(count)
    },
    BuiltIn("strings.reverse", 1) { list, _ in
      .string(String(String.UnicodeScalarView(try Argument.string(list, 0).unicodeScalars.reversed())))
    },
    BuiltIn("lower", 1) { list, _ in .string(try Argument.string(list, 0).lowercased()) },
    BuiltIn("upper", 1) { list, _ in .string(try Argument.string(list, 0).uppercased()) },
    BuiltIn("indexof", 2) { list, _ in
      let part = Array(try Argument.string(list, 1).unicodeScalars)
      guard !part.isEmpty else { throw EvaluationError(.builtIn, "empty search character") }
      return .int(places(of: part, in: Array(try Argument.string(list, 0).unicodeScalars)).first ?? -1)
    },
    BuiltIn("indexof_n", 2) { list, _ in
      let part = Array(try Argument.string(list, 1).unicodeScalars)
      guard !part.isEmpty else { throw EvaluationError(.builtIn, "empty search character") }
      return .array(places(of: part, in: Array(try Argument.string(list, 0).unicodeScalars)).map { .int($0) })
    },
    BuiltIn("substring", 3) { list, _ in
      let scalars = Array(try Argument.string(list, 0).unicodeScalars)
      let (from, length) = (try Argument.whole(list, 1), try Argument.whole(list, 2))
      guard from >= 0 else { throw EvaluationError(.builtIn, "negative offset") }
      guard from < scalars.count else { return .string("") }
      let end = length < 0 ? scalars.count : min(scalars.count, from.addingReportingOverflow(length).partialValue)
      return .string(string(scalars[from..<max(from, end)]))
    },
    BuiltIn("split", 2) { list, _ in
      let (text, part) = (try Argument.string(list, 0), try Argument.string(list, 1))
      if part.isEmpty { return .array(text.unicodeScalars.map { .string(String($0)) }) }
      return .array(split(Array(text.utf8), Array(part.utf8)).map { .string(String(decoding: $0, as: UTF8.self)) })
    },
    BuiltIn("replace", 3) { list, evaluator in
      let pieces = split(Array(try Argument.string(list, 0).utf8), Array(try Argument.string(list, 1).utf8))
      let new = Array(try Argument.string(list, 2).utf8)
      guard (pieces.count - 1).multipliedReportingOverflow(by: new.count).partialValue <= evaluator.limits.textBytesMax
      else {
        throw EvaluationError(.limit, "a text is too long")
      }
      return .string(String(decoding: Array(pieces.joined(separator: new)), as: UTF8.self))
    },
    BuiltIn("strings.replace_n", 2) { list, evaluator in
      let patterns = try Argument.object(list, 0)
      let text = Array(try Argument.string(list, 1).utf8)
      var pairs: [([UInt8], [UInt8])] = []
      for place in 0..<patterns.count {
        guard case .string(let old) = patterns.keys[place], case .string(let new) = patterns.values[place] else {
          throw EvaluationError(.type, "operand 1 must be object of strings")
        }
        pairs.append((Array(old.utf8), Array(new.utf8)))
      }
      var (made, at) = ([UInt8](), 0)
      while at < text.count {
        if let (old, new) = pairs.first(where: { !$0.0.isEmpty && text[at...].starts(with: $0.0) }) {
          made += new
          at += old.count
        } else {
          made.append(text[at])
          at += 1
        }
      }
      return try evaluator.bounded(String(decoding: made, as: UTF8.self))
    },
    BuiltIn("trim", 2) { list, _ in
      let cut = Set(try Argument.string(list, 1).unicodeScalars)
      return .string(trimmed(try Argument.string(list, 0), left: true, right: true) { cut.contains($0) })
    },
    BuiltIn("trim_left", 2) { list, _ in
      let cut = Set(try Argument.string(list, 1).unicodeScalars)
      return .string(trimmed(try Argument.string(list, 0), left: true, right: false) { cut.contains($0) })
    },
    BuiltIn("trim_right", 2) { list, _ in
      let cut = Set(try Argument.string(list, 1).unicodeScalars)
      return .string(trimmed(try Argument.string(list, 0), left: false, right: true) { cut.contains($0) })
    },
    BuiltIn("trim_space", 1) { list, _ in
      .string(trimmed(try Argument.string(list, 0), left: true, right: true) { $0.properties.isWhitespace })
    },
    BuiltIn("trim_prefix", 2) { list, _ in
      let (text, part) = (try Argument.string(list, 0), try Argument.string(list, 1))
      return .string(
        text.utf8.starts(with: part.utf8) ? String(decoding: text.utf8.dropFirst(part.utf8.count), as: UTF8.self) : text
      )
    },
    BuiltIn("trim_suffix", 2) { list, _ in
      let (text, part) = (try Argument.string(list, 0), try Argument.string(list, 1))
      return .string(
        text.utf8.reversed().starts(with: part.utf8.reversed())
          ? String(decoding: text.utf8.dropLast(part.utf8.count), as: UTF8.self) : text)
    },
    BuiltIn("sprintf", 2) { list, evaluator in
      try evaluator.bounded(try Formatter.format(try Argument.string(list, 0), try Argument.array(list, 1)))
    },
  ]

  private static func textOrTexts(_ list: [RegoValue], _ place: Int) throws -> [String] {
    if case .string(let text) = list[place] { return [text] }
    return try Argument.strings(list, place)
  }

  /// Where a part begins first from a place on.
  static func index(of part: [UInt8], in text: [UInt8], from: Int) -> Int? {
    if part.isEmpty { return from <= text.count ? from : nil }
    var found: Int?
    search(part, text[from...]) { place in
      found = place
      return false
    }
    return found
  }

  /// Every place where a part begins, also within another one.
  private static func places(of part: [Unicode.Scalar], in text: [Unicode.Scalar]) -> [Int] {
    var places: [Int] = []
    search(part, text[...]) { place in
      places.append(place)
      return true
    }
    return places
  }

  /// Visits the places where a part begins for as long as more are wanted, in time that grows with both lengths and not
  /// with their product (Knuth, Morris, Pratt).
  private static func search<Element: Equatable>(
    _ part: [Element], _ text: ArraySlice<Element>, _ visit: (Int) -> Bool
  ) {
    guard !part.isEmpty, text.count >= part.count else { return }
    // The length of the longest beginning of the part with which each of its beginnings ends.
    var borders = [Int](repeating: 0, count: part.count)
    var length = 0
    for place in part.indices.dropFirst() {
      while length > 0, part[place] != part[length] { length = borders[length - 1] }
      if part[place] == part[length] { length += 1 }
      borders[place] = length
    }
    var matched = 0
    for place in text.indices {
      while matched > 0, text[place] != part[matched] { matched = borders[matched - 1] }
      if text[place] == part[matched] { matched += 1 }
      guard matched == part.count else { continue }
      guard visit(place + 1 - matched) else { return }
      matched = borders[matched - 1]
    }
  }

  static func string(_ scalars: some Sequence<Unicode.Scalar>) -> String {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: scalars)
    return String(view)
  }

  private static func split(_ text: [UInt8], _ part: [UInt8]) -> [[UInt8]] {
    guard !part.isEmpty else { return [text] }
    var (pieces, at) = ([[UInt8]](), 0)
    while let place = index(of: part, in: text, from: at) {
      pieces.append(Array(text[at..<place]))
      at = place + part.count
    }
    pieces.append(Array(text[at...]))
    return pieces
  }

  private static func trimmed(_ text: String, left: Bool, right: Bool, _ isCut: (Unicode.Scalar) -> Bool) -> String {
    var scalars = Array(text.unicodeScalars)[...]
    if left { scalars = scalars.drop { isCut($0) } }
    if right { while let last = scalars.last, isCut(last) { scalars = scalars.dropLast() } }
    return string(scalars)
  }
}
