/// Whether two patterns have a text in common, which is not empty. Patterns have characters, `.`, sets such as `[a-z]`,
/// `+` and `*` behind any of them, and `\` before what stands for itself.
struct GlobIntersection {
  private enum Repeat { case once, oneOrMore, anyNumber }

  private struct Element {
    /// In order; all characters for `.`.
    let ranges: [ClosedRange<UInt32>]
    var count = Repeat.once
  }

  private static let elementsMax = 1000
  private static let everything: [ClosedRange<UInt32>] = [0...UInt32.max]

  static func isNonEmpty(_ left: String, _ right: String, _ evaluator: Evaluator) throws -> Bool {
    let (a, b) = (try elements(left), try elements(right))
    // Pairs of places from which both go on together; a pair is looked at once.
    var isKnown = [Bool](repeating: false, count: (a.count + 1) * (b.count + 1))
    var waiting: [(Int, Int, isEmpty: Bool)] = [(0, 0, true)]
    var isEmptyKnown = isKnown
    while let (i, j, isEmpty) = waiting.popLast() {
      let key = i * (b.count + 1) + j
      // What was reached by a character covers what was reached by none.
      guard isEmpty ? !isEmptyKnown[key] && !isKnown[key] : !isKnown[key] else { continue }
      if isEmpty { isEmptyKnown[key] = true } else { isKnown[key] = true }
      if i == a.count, j == b.count, !isEmpty { return true }
      if i < a.count, a[i].count == .anyNumber { waiting.append((i + 1, j, isEmpty)) }
      if j < b.count, b[j].count == .anyNumber { waiting.append((i, j + 1, isEmpty)) }
      guard i < a.count, j < b.count else { continue }
      try evaluator.work(a[i].ranges.count + b[j].ranges.count)
      guard overlap(a[i].ranges, b[j].ranges) else { continue }
      for next in a[i].count == .once ? [i + 1] : [i, i + 1] {
        for other in b[j].count == .once ? [j + 1] : [j, j + 1] { waiting.append((next, other, false)) }
      }
    }
    return false
  }

  private static func overlap(_ left: [ClosedRange<UInt32>], _ right: [ClosedRange<UInt32>]) -> Bool {
    var (i, j) = (0, 0)
    while i < left.count, j < right.count {
      if left[i].overlaps(right[j]) { return true }
      if left[i].upperBound < right[j].lowerBound { i += 1 } else { j += 1 }
    }
    return false
  }

  // MARK: Reading

  private static func fault(_ what: String) -> EvaluationError { EvaluationError(.builtIn, "input:\(what)") }

  private static func elements(_ pattern: String) throws -> [Element] {
    var rest = Array(pattern.unicodeScalars)[...]
    var elements: [Element] = []
    while let scalar = rest.popFirst() {
      guard elements.count < elementsMax else { throw fault("the pattern has more than \(elementsMax) elements") }
      switch scalar {
      case ".": elements.append(Element(ranges: everything))
      case "[": elements.append(Element(ranges: try set(&rest)))
      case "]": throw fault("a set ends that has not begun")
      case "*", "+":
        guard let last = elements.last, last.count == .once else { throw fault("nothing stands before \(scalar)") }
        elements[elements.count - 1].count = scalar == "*" ? .anyNumber : .oneOrMore
      case "\\":
        guard let escaped = rest.popFirst() else { throw fault("nothing stands behind \\") }
        elements.append(Element(ranges: [escaped.value...escaped.value]))
      default: elements.append(Element(ranges: [scalar.value...scalar.value]))
      }
    }
    return elements
  }

  private static func set(_ rest: inout ArraySlice<Unicode.Scalar>) throws -> [ClosedRange<UInt32>] {
    var ranges: [ClosedRange<UInt32>] = []
    while let scalar = try member(&rest) {
      guard rest.first == "-", rest.dropFirst().first != "]" else {
        ranges.append(scalar.value...scalar.value)
        continue
      }
      rest.removeFirst()
      guard let end = try member(&rest), end >= scalar else { throw fault("a range of a set ends before it begins") }
      ranges.append(scalar.value...end.value)
    }
    guard !ranges.isEmpty else { throw fault("a set is empty") }
    // Those that meet become one, so that they are in order.
    var joined: [ClosedRange<UInt32>] = []
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if let last = joined.last, last.upperBound >= range.lowerBound {
        joined[joined.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
      } else {
        joined.append(range)
      }
    }
    return joined
  }

  /// The next character of a set; `nil` at its end.
  private static func member(_ rest: inout ArraySlice<Unicode.Scalar>) throws -> Unicode.Scalar? {
    guard let scalar = rest.popFirst() else { throw fault("a set has no end") }
    guard scalar == "\\" else { return scalar == "]" ? nil : scalar }
    guard let escaped = rest.popFirst() else { throw fault("nothing stands behind \\") }
    return escaped
  }
}
