/// Puts the tokens of a module and its comments into lines.
struct FormatLayout {
  /// A bracket that is open.
  private struct Bracket {
    /// Whether it holds the statements of a body.
    let isBody: Bool
    /// Whether it may hold a comprehension: a list or set, no body, call or place of a reference.
    let isCollection: Bool
    /// The bar behind which statements stand, when it holds a comprehension.
    var bar: Int?
    /// The level of the line in which it was opened.
    let level: Int
  }

  private static let indentation = UInt8(ascii: "\t")
  private static let openers: Set<String> = ["(", "[", "{"]
  private static let closers: Set<String> = [")", "]", "}"]
  /// Signs behind which a term has to follow.
  private static let operators: Set<String> = [
    ":=", "=", "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "|", "&", ":",
  ]
  /// Keywords behind which something has to follow.
  private static let leading: Set<String> = [
    "package", "import", "as", "default", "not", "with", "some", "every", "in", "if", "contains",
  ]
  /// Keywords that go on with what stands before them.
  private static let following: Set<String> = ["with", "as", "if", "in", "contains"]

  private let text: [UInt8]
  private let tokens: [Token]
  private var out: [UInt8] = []
  private var brackets: [Bracket] = []
  /// The level of the line that is being written.
  private var level = 0

  init(_ text: [UInt8], _ tokens: [Token]) {
    self.text = text
    self.tokens = tokens
    out.reserveCapacity(text.count + text.count / 8)
  }

  // MARK: Lines

  mutating func made() -> [UInt8] {
    var end = 0
    for index in tokens.indices {
      let lines = gap(from: end, to: tokens[index].start)
      write(lines, before: index)
      if tokens[index].kind == .end { break }
      out += text[tokens[index].start..<tokens[index].end]
      note(index)
      end = tokens[index].end
    }
    while let last = out.last, last == 0x0A { out.removeLast() }
    if !out.isEmpty { out.append(0x0A) }
    return out
  }

  /// What stands between two tokens, by lines: the comment of each, `nil` for none.
  private func gap(from start: Int, to end: Int) -> [[UInt8]?] {
    var lines: [[UInt8]?] = [nil]
    var at = start
    while at < end {
      switch text[at] {
      case 0x0A:
        lines.append(nil)
        at += 1
      case UInt8(ascii: "#"):
        let from = at
        while at < end, text[at] != 0x0A { at += 1 }
        var comment = Array(text[from..<at])
        while let last = comment.last, last == 0x20 || last == 0x09 || last == 0x0D { comment.removeLast() }
        lines[lines.count - 1] = comment
      default: at += 1
      }
    }
    return lines
  }

  private mutating func write(_ lines: [[UInt8]?], before index: Int) {
    if let comment = lines[0] {
      if !out.isEmpty { out.append(0x20) }
      out += comment
    }
    guard lines.count > 1 else {
      if index > 0, tokens[index].kind != .end, isSpaced(index) { out.append(0x20) }
      return
    }
    let isOpened = index > 0 && isOne(index - 1, of: FormatLayout.openers)
    let isClosed = isOne(index, of: FormatLayout.closers)
    let inner = brackets.last.map { $0.level + 1 } ?? 0
    var isEmpty = out.isEmpty || (isOpened && lines[0] == nil)
    var empty = 0
    if !out.isEmpty { out.append(0x0A) }
    for line in lines[1..<(lines.count - 1)] {
      guard let comment = line else {
        empty += 1
        continue
      }
      if empty > 0, !isEmpty { out.append(0x0A) }
      empty = 0
      isEmpty = false
      out += [UInt8](repeating: FormatLayout.indentation, count: inner)
      out += comment
      out.append(0x0A)
    }
    // The comment of the last line stands before nothing: the token begins that line.
    if empty > 0 || isSeparate(index), !isEmpty, !isClosed, !(out.suffix(2) == [0x0A, 0x0A]) {
      if empty > 0 || !endsWithComment(lines) { out.append(0x0A) }
    }
    guard tokens[index].kind != .end else { return }
    level = isClosed ? brackets.last?.level ?? 0 : inner + (isContinuation(index) ? 1 : 0)
    out += [UInt8](repeating: FormatLayout.indentation, count: level)
  }

  private func endsWithComment(_ lines: [[UInt8]?]) -> Bool { lines.dropFirst().contains { $0 != nil } }

  /// Whether an empty line always stands before: behind the package and between imports and what follows them.
  private func isSeparate(_ index: Int) -> Bool {
    guard brackets.isEmpty, tokens[index].kind != .end, let previous = lineStart(before: index) else { return false }
    let isImport = tokens[index].isName("import")
    if previous.isName("package") { return true }
    return previous.isName("import") && !isImport && !isContinuation(index)
  }

  /// The first token of the line before, outside of brackets.
  private func lineStart(before index: Int) -> Token? {
    var at = index - 1
    while at > 0, !tokens[at].isFirst { at -= 1 }
    return at >= 0 ? tokens[at] : nil
  }

  /// Whether a line goes on with what stands in the line before.
  private func isContinuation(_ index: Int) -> Bool {
    guard index > 0 else { return false }
    if case .name(let name) = tokens[index].kind, FormatLayout.following.contains(name), !isCalled(index) {
      return true
    }
    if case .sign(let sign) = tokens[index].kind, FormatLayout.operators.contains(sign), sign != "-" { return true }
    // Behind the bar of a comprehension a statement begins.
    if brackets.last?.bar == index - 1 { return false }
    switch tokens[index - 1].kind {
    case .sign(let sign): return FormatLayout.operators.contains(sign)
    case .name(let name): return FormatLayout.leading.contains(name) && !isPart(index - 1)
    default: return false
    }
  }

  // MARK: Brackets

  private mutating func note(_ index: Int) {
    guard case .sign(let sign) = tokens[index].kind else { return }
    if FormatLayout.openers.contains(sign) {
      let isBody = sign == "{" && opensBody(index)
      let isPlace = sign == "(" || index > 0 && endsTerm(index - 1) && !tokens[index].isSpaced
      brackets.append(Bracket(isBody: isBody, isCollection: !isBody && !isPlace, level: level))
    } else if FormatLayout.closers.contains(sign) {
      _ = brackets.popLast()
    } else if sign == "|", let bracket = brackets.last, bracket.isCollection, bracket.bar == nil {
      brackets[brackets.count - 1].bar = index
    }
  }

  /// Whether a brace opens a body: behind `if` and `else`, and behind a term, which is the domain of `every`.
  private func opensBody(_ index: Int) -> Bool {
    guard index > 0 else { return false }
    let before = tokens[index - 1]
    if before.isName("if") || before.isName("else") { return !isPart(index - 1) }
    return endsTerm(index - 1)
  }

  private func endsTerm(_ index: Int) -> Bool {
    switch tokens[index].kind {
    case .number, .string, .template: return true
    case .sign(let sign): return FormatLayout.closers.contains(sign)
    case .name(let name): return isPart(index) || !(FormatLayout.leading.contains(name) || name == "else")
    case .end: return false
    }
  }

  private func isOne(_ index: Int, of signs: Set<String>) -> Bool {
    if case .sign(let sign) = tokens[index].kind { signs.contains(sign) } else { false }
  }

  /// Whether a name stands behind a point, where keywords are names.
  private func isPart(_ index: Int) -> Bool { index > 0 && tokens[index - 1].isSign(".") }

  /// Whether a keyword is the head of a reference.
  private func isCalled(_ index: Int) -> Bool {
    let next = tokens[min(index + 1, tokens.count - 1)]
    return !next.isSpaced && (next.isSign(".") || next.isSign("[") || next.isSign("("))
  }

  // MARK: Blanks

  /// Whether a blank stands before a token that is in the line of the one before.
  private func isSpaced(_ index: Int) -> Bool {
    let (before, token) = (tokens[index - 1], tokens[index])
    if before.isSign(".") || token.isSign(".") { return false }
    if token.isSign(",") || token.isSign(";") || token.isSign(":") { return false }
    if before.isSign(",") || before.isSign(";") || before.isSign(":") { return true }
    // An empty pair of brackets.
    if isOne(index - 1, of: FormatLayout.openers), isOne(index, of: FormatLayout.closers) { return false }
    if isOne(index - 1, of: FormatLayout.openers) { return before.isSign("{") && brackets.last?.isBody == true }
    if isOne(index, of: FormatLayout.closers) { return token.isSign("}") && brackets.last?.isBody == true }
    // Calls and references go without a blank; where there is one, a new term begins.
    if token.isSign("(") || token.isSign("[") { return token.isSpaced || !endsTerm(index - 1) && !isHead(index - 1) }
    if before.isSign("-"), index < 2 || !endsTerm(index - 2) { return token.isSpaced }
    return true
  }

  /// Whether a keyword is a function here, such as `contains(…)`.
  private func isHead(_ index: Int) -> Bool {
    if case .name = tokens[index].kind { return !tokens[min(index + 1, tokens.count - 1)].isSpaced }
    return false
  }
}
