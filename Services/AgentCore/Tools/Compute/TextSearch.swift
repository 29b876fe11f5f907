internal import JSONSchema

/// Lines of a text that match a pattern, found in a time that grows with the product of both lengths at worst.
public enum TextSearch {
  /// How a pattern is read.
  public enum Kind: String, Sendable {
    /// Its characters as they are.
    case substring
    /// `*` is any characters, `?` is one; anywhere in the line.
    case glob
    /// A regular expression of ECMAScript without back references and look-behind.
    case regex
  }

  /// Steps of the matcher for one search: some seconds at most.
  static let stepsMax = 50_000_000
  /// Longer lines are cut in the answer.
  private static let lineBytesMax = 1000

  /// The lines with their numbers, and how many there are; or what is wrong with the pattern.
  public static func run(
    _ text: String, pattern: String, kind: Kind, ignoresCase: Bool, contextLines: Int, matchesMax: Int
  ) -> Result<String, ComputeError> {
    var steps = stepsMax
    let matches: (Substring) -> Bool
    switch kind {
    case .substring:
      let wanted = folded(pattern, ignoresCase)
      let table = SubstringMatcher(wanted)
      matches = { table.isFound(in: folded(String($0), ignoresCase), steps: &steps) }
    case .glob:
      let glob = GlobMatcher(folded(pattern, ignoresCase))
      matches = { glob.isFound(in: folded(String($0), ignoresCase), steps: &steps) }
    case .regex:
      let expression: RegularExpression
      do { expression = try RegularExpression(pattern, ignoresCase: ignoresCase) } catch {
        return .failure(ComputeError("the regular expression cannot be used: \(error.description)"))
      }
      matches = { expression.matches($0.unicodeScalars.map(\.value), steps: &steps) }
    }
    let lines = TextLines.split(text)
    var found: [Int] = []
    var total = 0
    for (number, line) in lines.enumerated() {
      guard matches(line) else {
        if steps < 0 {
          return .failure(ComputeError("the search takes too long; use a simpler pattern or a shorter text"))
        }
        continue
      }
      total += 1
      if found.count < matchesMax { found.append(number) }
    }
    return .success(report(found, of: total, lines, contextLines))
  }

  private static func folded(_ text: String, _ ignoresCase: Bool) -> [UInt8] {
    Array((ignoresCase ? text.lowercased() : text).utf8)
  }

  private static func report(_ found: [Int], of total: Int, _ lines: [Substring], _ context: Int) -> String {
    var text = total == 0 ? "no matches" : total == 1 ? "1 match" : "\(total) matches"
    if total > found.count { text += ", the first \(found.count) are shown" }
    var next = 0
    let marked = Set(found)
    for match in found {
      let first = max(match - context, next)
      let last = min(match + context, lines.count - 1)
      if context > 0, first > next, next > 0 { text += "\n--" }
      guard first <= last else { continue }
      for number in first...last {
        let line = lines[number]
        let shown =
          line.utf8.count > lineBytesMax
          ? ResultCut.cut(String(line), bytesMax: lineBytesMax, pointer: nil) : String(line)
        text += "\n\(number + 1)\(marked.contains(number) ? ":" : "-") \(shown)"
      }
      next = last + 1
    }
    return text
  }
}

/// What is wrong with the input of a computation, in words for the model.
public struct ComputeError: Error, Hashable, Sendable {
  /// A clause.
  public let message: String

  init(_ message: String) { self.message = message }
}
