/// What `docs/telemetry.md` promises and what the code does are the same.
extension Rule {
  static let telemetryRules = [metricsAreDocumented, spansAreDocumented, logFieldsAreDocumented]

  private static let document = "docs/telemetry.md"

  /// The rows of the tables in a section.
  private static func rows(_ repository: Repository, of section: String) -> [(line: Int, cells: [String])] {
    guard let file = repository.files.first(where: { $0.path == document }) else { return [] }
    var isInside = false
    return file.lines.enumerated().compactMap { index, line in
      if line.hasPrefix("## ") { isInside = line == "## " + section }
      guard isInside, line.hasPrefix("| `") else { return nil }
      return (
        index + 1,
        line.split(separator: "|").map { $0.trimmed }
      )
    }
  }

  // MARK: Metrics

  private struct Metric: Equatable {
    var kind: String
    var labels: Set<String>
  }

  private static let metricFunctions: KeyValuePairs = [
    "counter": "counter", "gauge": "gauge", "histogram": "histogram", "observeCounter": "counter",
    "observeGauge": "gauge",
  ]

  static let metricsAreDocumented = Rule(
    "every metric stands in docs/telemetry.md with its kind and labels, and none else"
  ) {
    repository in
    var declared: [String: Metric] = [:]
    var places: [String: (String, Int)] = [:]
    for file in repository.files where file.isShippedSwift {
      for (function, kind) in metricFunctions {
        for call in file.calls(of: function) where call.isMember && !call.isDeclaration {
          guard let name = call.literals.first, name.label.isEmpty, name.text.contains("_") else { continue }
          declared[name.text] = Metric(kind: kind, labels: Set(call.literals(after: "labels")))
          places[name.text] = (file.path, call.line)
        }
      }
    }
    var documented: [String: Metric] = [:]
    var lines: [String: Int] = [:]
    for (line, cells) in rows(repository, of: "Metrics")
    where cells.count == 4 && ["counter", "gauge", "histogram"].contains(cells[1]) {
      let labels = cells[2].split { ", `".contains($0) }.map(String.init).filter { $0 != "-" }
      documented[cells[0].code] = Metric(kind: cells[1], labels: Set(labels))
      lines[cells[0].code] = line
    }
    let missing = declared.keys.sorted().compactMap { name -> Violation? in
      let place = places[name] ?? ("", 1)
      guard let other = documented[name] else {
        return Violation(place.0, place.1, "the metric \(name) is not in \(document)")
      }
      return other == declared[name]
        ? nil : Violation(document, lines[name], "\(name) has another kind or other labels in \(place.0)")
    }
    return missing
      + documented.keys.sorted().filter { declared[$0] == nil }.map {
        Violation(document, lines[$0], "nothing counts \($0)")
      }
  }

  // MARK: Spans

  static let spansAreDocumented = Rule("every span and attribute stands in docs/telemetry.md, and none else") {
    repository in
    var names: [String: (String, Int)] = [:]
    var attributes: [String: (String, Int)] = [:]
    for file in repository.files where file.isShippedSwift {
      for call in file.calls(of: "startSpan") where !call.isDeclaration {
        // What is made of values is called in the document by its first word.
        guard let name = call.literals.first, name.label.isEmpty else { continue }
        names[String(name.text.prefix { $0 != " " && $0 != "\\" })] = (file.path, call.line)
      }
      for call in file.calls(of: "setAttribute") where !call.isDeclaration {
        guard let name = call.literals.first, name.label.isEmpty else { continue }
        attributes[name.text] = (file.path, call.line)
      }
    }
    var documentedNames: Set<String> = []
    var documented: [String: Int] = [:]
    let kinds: Set<String> = ["server", "client", "consumer", "internal", "producer"]
    for (line, cells) in rows(repository, of: "Spans") where cells.count == 3 && kinds.contains(cells[1]) {
      documentedNames.insert(String(cells[0].code.prefix { $0 != " " }))
      for name in cells[2].codes where name.contains(".") { documented[name] = line }
    }
    func isDocumented(_ name: String) -> Bool {
      documented[name] != nil
        || documented.keys.contains { $0.hasSuffix("*") && name.hasPrefix($0.dropLast()) }
    }
    func isSet(_ name: String) -> Bool {
      attributes.keys.contains { name.hasSuffix("*") ? $0.hasPrefix(name.dropLast()) : $0 == name }
    }
    return names.filter { !$0.key.isEmpty && !documentedNames.contains($0.key) }.map {
      Violation($0.value.0, $0.value.1, "the span \($0.key) is not in \(document)")
    }
      + attributes.filter { !isDocumented($0.key) }.map {
        Violation($0.value.0, $0.value.1, "the attribute \($0.key) is not in \(document)")
      }
      + documented.filter { !isSet($0.key) }.map {
        Violation(document, $0.value, "no span has the attribute \($0.key)")
      }
  }

  // MARK: Log fields

  static let logFieldsAreDocumented = Rule("every field of a log line stands in docs/telemetry.md, and none else") {
    repository in
    var fields: [String: (String, Int)] = [:]
    for file in repository.files where file.isShippedSwift {
      for level in ["debug", "info", "warning", "error"] {
        for call in file.calls(of: level) where call.isMember && !call.isDeclaration {
          for literal in call.literals where literal.isKey { fields[literal.text] = (file.path, call.line) }
        }
      }
    }
    var documented: [String: Int] = [:]
    for (line, cells) in rows(repository, of: "Logs") where cells.count == 2 {
      documented[cells[0].code] = line
    }
    return fields.filter { documented[$0.key] == nil }.sorted { $0.key < $1.key }.map {
      Violation($0.value.0, $0.value.1, "the log field \($0.key) is not in \(document)")
    } + documented.filter { fields[$0.key] == nil }.map { Violation(document, $0.value, "nothing logs \($0.key)") }
  }
}

extension StringProtocol {
  var trimmed: String {
    var text = self[...]
    while text.first == " " { text = text.dropFirst() }
    while text.last == " " { text = text.dropLast() }
    return String(text)
  }

  /// The first piece of code of a Markdown text.
  var code: String { codes.first ?? "" }

  /// The pieces between backticks.
  var codes: [String] {
    split(separator: "`", omittingEmptySubsequences: false).enumerated().filter { $0.offset % 2 == 1 }
      .map { String($0.element) }
  }
}
