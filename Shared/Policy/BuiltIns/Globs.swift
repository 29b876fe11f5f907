/// Patterns of names: `*` within and `**` across delimiters, `?`, `[abc]`, `[a-z]`, `[!a]`, `{a,b}`. All alternatives
/// advance together: the time grows with the product of both lengths.
struct Glob: Sendable {
  private static let bytesMax = 1000
  private static let partsMax = 2000

  private indirect enum Part: Sendable {
    case scalar(Unicode.Scalar)
    case any
    case star
    case all
    case list([ClosedRange<Unicode.Scalar>], isInverted: Bool)
    case choice([[Part]])
  }

  private var parts: [Part]
  /// Whether nothing is chosen and no character divides.
  private let isPlain: Bool
  private let delimiters: Set<Unicode.Scalar>

  init?(_ pattern: String, delimiters: [Unicode.Scalar]) {
    guard pattern.utf8.count <= Glob.bytesMax else { return nil }
    self.delimiters = Set(delimiters)
    var scalars = Array(pattern.unicodeScalars)[...]
    guard let parts = Glob.read(&scalars, inChoice: false, depth: 0), scalars.isEmpty else { return nil }
    self.parts = parts
    isPlain =
      delimiters.isEmpty
      && parts.allSatisfy { part in
        if case .choice = part { false } else { true }
      }
  }

  private static func read(_ scalars: inout ArraySlice<Unicode.Scalar>, inChoice: Bool, depth: Int) -> [Part]? {
    guard depth < 8 else { return nil }
    var parts: [Part] = []
    while let scalar = scalars.first {
      if inChoice, scalar == "," || scalar == "}" { return parts }
      scalars.removeFirst()
      switch scalar {
      case "\\":
        guard let next = scalars.popFirst() else { return nil }
        parts.append(.scalar(next))
      case "?": parts.append(.any)
      case "*":
        if scalars.first == "*" {
          scalars.removeFirst()
          parts.append(.all)
        } else {
          parts.append(.star)
        }
      case "[":
        let isInverted = scalars.first == "!"
        if isInverted { scalars.removeFirst() }
        var ranges: [ClosedRange<Unicode.Scalar>] = []
        while let first = scalars.popFirst(), first != "]" {
          if scalars.first == "-", let last = scalars.dropFirst().first, last != "]" {
            scalars.removeFirst(2)
            guard first <= last else { return nil }
            ranges.append(first...last)
          } else {
            ranges.append(first...first)
          }
          if scalars.isEmpty { return nil }
        }
        parts.append(.list(ranges, isInverted: isInverted))
      case "{":
        var choices: [[Part]] = []
        while true {
          guard let choice = read(&scalars, inChoice: true, depth: depth + 1), let end = scalars.popFirst() else {
            return nil
          }
          choices.append(choice)
          if end == "}" { break }
        }
        parts.append(.choice(choices))
      default: parts.append(.scalar(scalar))
      }
    }
    return inChoice ? nil : parts
  }

  func matches(_ text: String) -> Bool {
    let scalars = Array(text.unicodeScalars)
    if isPlain { return matchesPlainly(scalars) }
    return places(parts, from: [0], scalars).contains(scalars.count)
  }

  /// Where nothing is chosen and stars stop nowhere, what stands before the last star that was met is settled: a place
  /// in the pattern and one in the text are enough.
  private func matchesPlainly(_ text: [Unicode.Scalar]) -> Bool {
    var (at, place) = (0, 0)
    var star: (part: Int, place: Int)?
    while place < text.count {
      if at < parts.count, Glob.isStar(parts[at]) {
        star = (at, place)
        at += 1
      } else if at < parts.count, accepts(parts[at], text[place]) {
        at += 1
        place += 1
      } else if let last = star {
        // The star stands for one more.
        star = (last.part, last.place + 1)
        at = last.part + 1
        place = last.place + 1
      } else {
        return false
      }
    }
    return parts[at...].allSatisfy(Glob.isStar)
  }

  private static func isStar(_ part: Part) -> Bool {
    switch part {
    case .star, .all: true
    default: false
    }
  }

  private func accepts(_ part: Part, _ scalar: Unicode.Scalar) -> Bool {
    switch part {
    case .scalar(let own): own == scalar
    case .any: !delimiters.contains(scalar)
    case .list(let ranges, let isInverted): ranges.contains { $0.contains(scalar) } != isInverted
    case .star, .all, .choice: false
    }
  }

  /// The places behind the parts, from each of `from`.
  private func places(_ parts: [Part], from: Set<Int>, _ text: [Unicode.Scalar]) -> Set<Int> {
    var places = from
    for part in parts {
      var next: Set<Int> = []
      switch part {
      case .scalar(let scalar):
        for place in places where place < text.count && text[place] == scalar { next.insert(place + 1) }
      case .any:
        for place in places where place < text.count && !delimiters.contains(text[place]) { next.insert(place + 1) }
      case .list(let ranges, let isInverted):
        for place in places
        where place < text.count && ranges.contains(where: { $0.contains(text[place]) }) != isInverted {
          next.insert(place + 1)
        }
      case .star, .all:
        for place in places.sorted() where !next.contains(place) {
          var at = place
          next.insert(at)
          while at < text.count {
            if case .star = part, delimiters.contains(text[at]) { break }
            at += 1
            if !next.insert(at).inserted { break }
          }
        }
      case .choice(let choices): for choice in choices { next.formUnion(self.places(choice, from: places, text)) }
      }
      places = next
      if places.isEmpty { return places }
    }
    return places
  }
}

extension BuiltIns {
  static let globs: [BuiltIn] = [
    BuiltIn("glob.match", 3) { list, evaluator in
      let pattern = try Argument.string(list, 0)
      var delimiters: [Unicode.Scalar] = []
      if list[1] != .null {
        delimiters = try Argument.strings(list, 1).compactMap {
          $0.unicodeScalars.count == 1 ? $0.unicodeScalars.first : nil
        }
        if delimiters.isEmpty { delimiters = ["."] }
      }
      guard let glob = evaluator.program.patterns.glob(pattern, delimiters: delimiters) else {
        throw EvaluationError(.builtIn, "the pattern is not valid")
      }
      return .bool(glob.matches(try Argument.string(list, 2)))
    },
    BuiltIn("glob.quote_meta", 1) { list, _ in
      var text = ""
      for character in try Argument.string(list, 0) {
        if "*?\\[]{}".contains(character) { text.append("\\") }
        text.append(character)
      }
      return .string(text)
    },
  ]
}
