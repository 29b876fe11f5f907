extension Pattern {
  private struct Thread {
    let place: Int
    var saved: [Int]
  }

  /// Bits up to which places of the expression and of the text are marked one by one.
  private static let marksMax = 1 << 17

  /// What is left to be tried.
  private enum Job {
    case go(place: Int, at: Int)
    case restore(slot: Int, value: Int)
  }

  /// The first match from a place on: where each group begins and ends, -1 where it has no part.
  func match(_ text: [Unicode.Scalar], from: Int, steps: inout Int) throws -> [Int]? {
    let marks = program.count.multipliedReportingOverflow(by: text.count + 1)
    guard !marks.overflow, marks.partialValue <= Pattern.marksMax else {
      return try matchInRounds(text, from: from, steps: &steps)
    }
    var tried = [UInt64](repeating: 0, count: marks.partialValue / 64 + 1)
    var saved = [Int](repeating: -1, count: groups * 2)
    var stack: [Job] = []
    for start in from..<max(from, text.count + 1) {
      // Where the expression stands at the beginning of the text alone, nothing begins later.
      if start > 0, isAnchored { return nil }
      stack.append(.go(place: 0, at: start))
      if try backtrack(text, &stack, &saved, &tried, &steps) { return saved }
    }
    return nil
  }

  /// Tries what is left, the first choice first. A branch that was tried from a place of the text is not tried again:
  /// there are no more steps than places of the expression times those of the text. Returns whether it matches.
  private func backtrack(
    _ text: [Unicode.Scalar], _ stack: inout [Job], _ saved: inout [Int], _ tried: inout [UInt64], _ steps: inout Int
  ) throws -> Bool {
    let width = text.count + 1
    while let job = stack.popLast() {
      guard case .go(var place, var at) = job else {
        if case .restore(let slot, let value) = job { saved[slot] = value }
        continue
      }
      thread: while true {
        steps -= 1
        guard steps > 0 else { throw EvaluationError(.limit, "the expression takes too many steps") }
        switch program[place] {
        case .match: return true
        case .scalar(let scalar):
          guard at < text.count, text[at] == scalar else { break thread }
          at += 1
        case .set(let set):
          guard at < text.count, set.contains(text[at]) else { break thread }
          at += 1
        case .jump(let target):
          place = target
          continue thread
        case .split(let first, let second):
          let mark = place * width + at
          guard tried[mark >> 6] & 1 << (mark & 63) == 0 else { break thread }
          tried[mark >> 6] |= 1 << (mark & 63)
          stack.append(.go(place: second, at: at))
          place = first
          continue thread
        case .save(let slot):
          stack.append(.restore(slot: slot, value: saved[slot]))
          saved[slot] = at
        case .start: guard at == 0 else { break thread }
        case .end: guard at == text.count else { break thread }
        case .lineStart: guard at == 0 || text[at - 1] == "\n" else { break thread }
        case .lineEnd: guard at == text.count || text[at] == "\n" else { break thread }
        case .wordBoundary(let wanted): guard isWordBoundary(text, at) == wanted else { break thread }
        }
        place += 1
      }
    }
    return false
  }

  private func isWordBoundary(_ text: [Unicode.Scalar], _ at: Int) -> Bool {
    let before = at > 0 && Set.words.contains(text[at - 1])
    let behind = at < text.count && Set.words.contains(text[at])
    return before != behind
  }

  /// The same with all threads side by side: for expressions and texts that are too large to be marked.
  func matchInRounds(_ text: [Unicode.Scalar], from: Int, steps: inout Int) throws -> [Int]? {
    var current: [Thread] = []
    var found: [Int]?
    var at = from
    // The places that a list has or has passed on its way, by the round in which that was.
    var seen = [Int](repeating: -1, count: program.count)
    var reached = seen
    while true {
      var next: [Thread] = []
      // Where the expression stands at the beginning of the text alone, nothing begins later.
      if found == nil, at == 0 || !isAnchored {
        add(0, [Int](repeating: -1, count: groups * 2), at, text, &current, &seen, round: at, steps: &steps)
      }
      if current.isEmpty, found != nil || at > text.count || (isAnchored && at > 0) { return found }
      steps -= 1
      guard steps > 0 else { throw EvaluationError(.limit, "the expression takes too many steps") }
      loop: for thread in current {
        switch program[thread.place] {
        case .match:
          found = thread.saved
          break loop
        case .scalar(let scalar):
          if at < text.count, text[at] == scalar {
            add(thread.place + 1, thread.saved, at + 1, text, &next, &reached, round: at + 1, steps: &steps)
          }
        case .set(let set):
          if at < text.count, set.contains(text[at]) {
            add(thread.place + 1, thread.saved, at + 1, text, &next, &reached, round: at + 1, steps: &steps)
          }
        default: break
        }
      }
      if at >= text.count { return found }
      current = next
      swap(&seen, &reached)
      at += 1
    }
  }

  /// Adds a thread, and those that it becomes without reading anything.
  private func add(
    _ start: Int, _ saved: [Int], _ at: Int, _ text: [Unicode.Scalar], _ list: inout [Thread], _ seen: inout [Int],
    round: Int, steps: inout Int
  ) {
    var stack = [(start, saved)]
    while let (place, saved) = stack.popLast() {
      if seen[place] == round { continue }
      seen[place] = round
      steps -= 1
      switch program[place] {
      case .jump(let target): stack.append((target, saved))
      case .split(let a, let b):
        stack.append((b, saved))
        stack.append((a, saved))
      case .save(let slot):
        var saved = saved
        saved[slot] = at
        stack.append((place + 1, saved))
      case .start: if at == 0 { stack.append((place + 1, saved)) }
      case .end: if at == text.count { stack.append((place + 1, saved)) }
      case .lineStart: if at == 0 || text[at - 1] == "\n" { stack.append((place + 1, saved)) }
      case .lineEnd: if at == text.count || text[at] == "\n" { stack.append((place + 1, saved)) }
      case .wordBoundary(let wanted): if isWordBoundary(text, at) == wanted { stack.append((place + 1, saved)) }
      case .scalar, .set, .match: list.append(Thread(place: place, saved: saved))
      }
    }
  }

  /// All matches that do not overlap, at most `count` unless that is negative.
  func matches(_ text: [Unicode.Scalar], count: Int, steps: inout Int) throws -> [[Int]] {
    var all: [[Int]] = []
    var at = 0
    var previousEnd = -1
    while at <= text.count, count < 0 || all.count < count {
      guard let match = try match(text, from: at, steps: &steps) else { break }
      let isEmpty = match[0] == match[1]
      // An empty match right behind another one does not count.
      if !(isEmpty && match[0] == previousEnd) { all.append(match) }
      previousEnd = match[1]
      at = isEmpty ? match[1] + 1 : match[1]
    }
    return all
  }
}

extension BuiltIns {
  static let regularExpressions: [BuiltIn] = [
    BuiltIn("regex.match", 2) { list, evaluator in
      let pattern = try evaluator.program.patterns.pattern(try Argument.string(list, 0))
      let text = Array(try Argument.string(list, 1).unicodeScalars)
      return .bool(try evaluator.searching { try pattern.match(text, from: 0, steps: &$0) } != nil)
    },
    BuiltIn("regex.is_valid", 1) { list, _ in
      guard case .string(let text) = list[0] else { return .bool(false) }
      return .bool((try? Pattern(text)) != nil)
    },
    BuiltIn("regex.find_n", 3) { list, evaluator in
      let text = Array(try Argument.string(list, 1).unicodeScalars)
      let found = try matches(list[0], text, count: try Argument.whole(list, 2), evaluator)
      return .array(found.map { .string(string(text[$0[0]..<$0[1]])) })
    },
    BuiltIn("regex.find_all_string_submatch_n", 3) { list, evaluator in
      let text = Array(try Argument.string(list, 1).unicodeScalars)
      let found = try matches(list[0], text, count: try Argument.whole(list, 2), evaluator)
      return .array(
        found.map { match in
          .array(
            stride(from: 0, to: match.count, by: 2).map { group in
              .string(match[group] < 0 || match[group + 1] < 0 ? "" : string(text[match[group]..<match[group + 1]]))
            })
        })
    },
    BuiltIn("regex.split", 2) { list, evaluator in
      let text = Array(try Argument.string(list, 1).unicodeScalars)
      var (parts, at) = ([RegoValue](), 0)
      for match in try matches(list[0], text, count: -1, evaluator) {
        if match[1] == 0 || (match[0] == match[1] && match[0] == text.count) { continue }
        parts.append(.string(string(text[at..<match[0]])))
        at = match[1]
      }
      parts.append(.string(string(text[at...])))
      return .array(parts)
    },
    BuiltIn("regex.replace", 3) { list, evaluator in
      let text = Array(try Argument.string(list, 0).unicodeScalars)
      let template = Array(try Argument.string(list, 2).unicodeScalars)
      var (made, at) = ([Unicode.Scalar](), 0)
      for match in try matches(list[1], text, count: -1, evaluator, place: 1) {
        made += text[at..<match[0]]
        made += expanded(template, match, text)
        at = match[1]
        guard made.count <= evaluator.limits.textBytesMax else { throw EvaluationError(.limit, "a text is too long") }
      }
      return try evaluator.bounded(string(made + text[at...]))
    },
    BuiltIn("regex.globs_match", 2) { list, evaluator in
      .bool(
        try GlobIntersection.isNonEmpty(try Argument.string(list, 0), try Argument.string(list, 1), evaluator))
    },
    BuiltIn("regex.template_match", 4) { list, evaluator in
      let template = Array(try Argument.string(list, 0).unicodeScalars)
      let marks = (
        Array(try Argument.string(list, 2).unicodeScalars), Array(try Argument.string(list, 3).unicodeScalars)
      )
      guard marks.0.count == 1, marks.1.count == 1 else {
        throw EvaluationError(.builtIn, "a delimiter is one character")
      }
      var (source, at) = ("^", 0)
      while at < template.count {
        if template[at] == marks.0[0] {
          guard let end = template[at...].firstIndex(of: marks.1[0]) else {
            throw EvaluationError(.builtIn, "unbalanced braces")
          }
          source += "(" + string(template[(at + 1)..<end]) + ")"
          at = end + 1
        } else {
          if "\\.+*?()|[]{}^$".unicodeScalars.contains(template[at]) { source += "\\" }
          source.unicodeScalars.append(template[at])
          at += 1
        }
      }
      let text = Array(try Argument.string(list, 1).unicodeScalars)
      let pattern = try evaluator.program.patterns.pattern(source + "$")
      return .bool(try evaluator.searching { try pattern.match(text, from: 0, steps: &$0) } != nil)
    },
  ]

  /// All matches of the expression that is an argument.
  private static func matches(
    _ source: RegoValue, _ text: [Unicode.Scalar], count: Int, _ evaluator: Evaluator, place: Int = 0
  ) throws -> [[Int]] {
    guard case .string(let source) = source else { throw Argument.fault(place, "string", source) }
    let pattern = try evaluator.program.patterns.pattern(source)
    return try evaluator.searching { try pattern.matches(text, count: count, steps: &$0) }
  }

  /// `$1` and `${1}` as the groups of a match.
  private static func expanded(_ template: [Unicode.Scalar], _ match: [Int], _ text: [Unicode.Scalar]) -> [Unicode
    .Scalar]
  {
    var (made, at) = ([Unicode.Scalar](), 0)
    while at < template.count {
      guard template[at] == "$", at + 1 < template.count else {
        made.append(template[at])
        at += 1
        continue
      }
      if template[at + 1] == "$" {
        made.append("$")
        at += 2
        continue
      }
      let isBraced = template[at + 1] == "{"
      var end = at + (isBraced ? 2 : 1)
      let start = end
      while end < template.count, template[end].isASCII,
        Lexer.isDigit(UInt8(template[end].value)) || Lexer.isLetter(UInt8(template[end].value))
      { end += 1 }
      guard end > start, !isBraced || (end < template.count && template[end] == "}") else {
        made.append("$")
        at += 1
        continue
      }
      if let group = Int(string(template[start..<end])), group >= 0, 2 * group + 1 < match.count, match[2 * group] >= 0
      {
        made += text[match[2 * group]..<match[2 * group + 1]]
      }
      at = end + (isBraced ? 1 : 0)
    }
    return made
  }
}
