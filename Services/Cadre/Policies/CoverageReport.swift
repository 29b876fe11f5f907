package import JSON
package import Policy

/// What of the rules and expressions of modules was reached.
package struct CoverageReport: Sendable {
  /// A module.
  package struct File: Sendable {
    /// Its path.
    package let file: String
    /// Rules that have held, and all.
    package var rules = Ratio()
    /// Expressions that have held, and all.
    package var expressions = Ratio()
    /// What has not.
    package var missing: [CoveragePoint] = []
  }

  /// How many of how many.
  package struct Ratio: Sendable, Equatable {
    /// Those that were reached.
    package var reached = 0
    /// All.
    package var all = 0

    /// In tenths of a percent, rounded down: 1000 is all.
    package var perMille: Int { all == 0 ? 1000 : reached * 1000 / all }

    /// `97.5%`.
    package var percent: String { "\(perMille / 10).\(perMille % 10)%" }

    mutating func count(_ isReached: Bool) {
      all += 1
      if isReached { reached += 1 }
    }
  }

  /// The modules, by file.
  package let files: [File]
  /// Rules and expressions of all modules.
  package let total: Ratio

  /// Makes the report of a program, without some files.
  package init(_ program: PolicyProgram, _ coverage: PolicyCoverage, without excluded: Set<String> = []) {
    var files: [String: File] = [:]
    var total = Ratio()
    for (point, isReached) in zip(program.points, coverage.isReached) where !excluded.contains(point.file) {
      var file = files[point.file] ?? File(file: point.file)
      switch point.kind {
      case .rule: file.rules.count(isReached)
      case .expression: file.expressions.count(isReached)
      }
      if !isReached { file.missing.append(point) }
      total.count(isReached)
      files[point.file] = file
    }
    self.files = files.values.sorted { $0.file < $1.file }
    self.total = total
  }

  /// A line for each module and one for each place that was not reached.
  package var lines: [String] {
    files.flatMap { file -> [String] in
      let (rules, expressions) = (file.rules, file.expressions)
      let whole = Ratio(reached: rules.reached + expressions.reached, all: rules.all + expressions.all)
      return [
        "\(whole.percent) \(file.file): \(rules.reached) of \(rules.all) rules, "
          + "\(expressions.reached) of \(expressions.all) expressions"
      ]
        + file.missing.sorted { ($0.place.line, $0.place.column) < ($1.place.line, $1.place.column) }.map {
          "  \($0.file):\($0.place.line):\($0.place.column): this \($0.kind.rawValue) has never held"
        }
    } + ["coverage: \(total.percent)"]
  }

  /// As JSON.
  package func write(to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("per_mille", Int64(total.perMille))
    writer.key("files")
    writer.beginArray()
    for file in files {
      writer.beginObject()
      writer.member("file", file.file)
      for (name, ratio) in [("rules", file.rules), ("expressions", file.expressions)] {
        writer.key(name)
        writer.beginObject()
        writer.member("reached", Int64(ratio.reached))
        writer.member("all", Int64(ratio.all))
        writer.endObject()
      }
      writer.key("missing")
      writer.beginArray()
      for point in file.missing {
        writer.beginObject()
        writer.member("kind", point.kind.rawValue)
        writer.member("line", Int64(point.place.line))
        writer.member("column", Int64(point.place.column))
        writer.endObject()
      }
      writer.endArray()
      writer.endObject()
    }
    writer.endArray()
    writer.endObject()
  }
}
