/// Lines of a text: ranges and counts.
public enum TextLines {
  /// Lines that are given when no end is named.
  private static let linesDefault = 200

  /// The lines; `\n`, `\r\n` and `\r` end one. A last line without an end counts, an empty rest behind the last end
  /// does not.
  static func split(_ text: String) -> [Substring] {
    var lines: [Substring] = []
    var start = text.startIndex
    for index in text.indices where text[index].isNewline {
      lines.append(text[start..<index])
      start = text.index(after: index)
    }
    if start < text.endIndex { lines.append(text[start...]) }
    return lines
  }

  /// A range of lines with a first line that says how much there is.
  public static func run(_ text: String, first: Int, last: Int?) -> Result<String, ComputeError> {
    let lines = split(text)
    let words = text.split(whereSeparator: \.isWhitespace).count
    var report = "\(lines.count) lines, \(words) words, \(text.count) characters, \(text.utf8.count) bytes"
    guard !lines.isEmpty else { return .success(report) }
    let end = min(last ?? max(first, 1).addingReportingOverflow(linesDefault - 1).partialValue, lines.count)
    guard first >= 1, first <= lines.count else {
      return .failure(ComputeError("the text has \(lines.count) lines, so it has no line \(first)"))
    }
    guard first <= end else { return .failure(ComputeError("the last line is before the first")) }
    report += "; lines \(first) to \(end):"
    for line in lines[(first - 1)..<end] { report += "\n" + line }
    return .success(report)
  }

  /// Replaces occurrences from the left.
  public static func replace(
    _ text: String, _ find: String, by replacement: String, occurrencesMax: Int?, bytesMax: Int
  ) -> Result<String, ComputeError> {
    let bytes = Array(text.utf8)
    let wanted = Array(find.utf8)
    let new = Array(replacement.utf8)
    guard !wanted.isEmpty else { return .failure(ComputeError("there is nothing to find")) }
    let matcher = SubstringMatcher(wanted)
    var steps = Int.max
    var result: [UInt8] = []
    var place = 0
    var count = 0
    while count < occurrencesMax ?? .max, let found = matcher.first(in: bytes[place...], steps: &steps) {
      result += bytes[place..<found] + new
      place = found + wanted.count
      count += 1
      guard result.count <= bytesMax else {
        return .failure(ComputeError("the new text is longer than \(bytesMax) bytes"))
      }
    }
    guard count > 0 else { return .failure(ComputeError("the text to find does not occur")) }
    result += bytes[place...]
    guard result.count <= bytesMax else {
      return .failure(ComputeError("the new text is longer than \(bytesMax) bytes"))
    }
    return .success(String(decoding: result, as: UTF8.self))
  }
}
