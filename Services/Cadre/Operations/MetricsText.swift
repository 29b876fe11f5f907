/// The metrics of a process in the Prometheus text format, as far as they are single numbers.
package struct MetricsText: Sendable {
  /// A series.
  private struct Sample: Sendable {
    let name: Substring
    let labels: Substring
    let value: Double
  }

  private let samples: [Sample]

  /// Reads a page of metrics; lines that are none are left out.
  package init(_ text: String) {
    samples = text.split(separator: "\n").compactMap { line in
      guard line.first != "#", let blank = line.firstIndex(where: { $0 == " " || $0 == "{" }) else { return nil }
      var end = blank
      if line[blank] == "{" {
        guard let close = MetricsText.closingBrace(of: line, from: blank) else { return nil }
        end = line.index(after: close)
      }
      guard let value = line[end...].split(separator: " ").first.flatMap({ Double($0) }) else { return nil }
      return Sample(name: line[..<blank], labels: line[blank..<end], value: value)
    }
  }

  /// The brace that ends the labels: values are quoted and may hold braces.
  private static func closingBrace(of line: Substring, from start: Substring.Index) -> Substring.Index? {
    var isQuoted = false
    var isEscaped = false
    var index = start
    while index < line.endIndex {
      let character = line[index]
      if isEscaped {
        isEscaped = false
      } else if character == "\\" {
        isEscaped = true
      } else if character == "\"" {
        isQuoted.toggle()
      } else if character == "}", !isQuoted {
        return index
      }
      index = line.index(after: index)
    }
    return nil
  }

  /// The sum of all series of a name whose labels hold `label="value"`; `nil` when there is none.
  package func sum(_ name: String, where label: (name: String, value: String)? = nil) -> Double? {
    let found = samples.filter { sample in
      guard sample.name == name else { return false }
      return label.map { sample.labels.contains("\($0.name)=\"\($0.value)\"") } ?? true
    }
    return found.isEmpty ? nil : found.reduce(0) { $0 + $1.value }
  }
}
