internal import JSON
package import Policy

/// What the tests of policies have given.
package struct PolicyTestRun: Sendable {
  /// What became of a test.
  package enum Outcome: Sendable, Equatable {
    /// It holds.
    case passed
    /// It does not hold; the expression, when one is to blame.
    case failed(at: CoveragePoint?)
    /// It could not be evaluated.
    case broken(String)
  }

  /// A test that has run.
  package struct Result: Sendable {
    /// The test.
    package let test: PolicyTest
    /// What became of it.
    package let outcome: Outcome
    /// How long it took.
    package let nanoseconds: UInt64
  }

  /// The tests, by file and line.
  package let results: [Result]
  /// What the tests have reached of the modules that are no tests.
  package let coverage: CoverageReport

  /// Whether every test has passed.
  package var isPassed: Bool { results.allSatisfy { $0.outcome == .passed } }

  /// Runs the tests whose name holds `filter`. `clock` counts nanoseconds.
  package static func run(
    _ sources: PolicySources, filter: String = "", now: Int64, clock: () -> UInt64
  ) throws(PolicyError) -> PolicyTestRun {
    let program = try PolicyProgram(sources.texts(withTests: true), measuresCoverage: true)
    let all = PolicyCoverage(of: program)
    var results: [Result] = []
    for test in program.tests where filter.isEmpty || test.name.contains(filter) {
      let start = clock()
      let own = PolicyCoverage(of: program)
      let outcome: Outcome
      do throws(EvaluationError) {
        let value = try program.document(at: test.path, input: nil, data: sources.data, now: now, coverage: own)
        let holds = value.map { $0 != .bool(false) } ?? false
        outcome = holds ? .passed : .failed(at: program.unmetExpression(of: test, own))
      } catch {
        outcome = .broken("\(error.code.rawValue): \(error.message)")
      }
      results.append(Result(test: test, outcome: outcome, nanoseconds: clock() &- start))
      all.merge(own)
    }
    let tests = Set(sources.modules.filter(\.isTest).map(\.file))
    return PolicyTestRun(results: results, coverage: CoverageReport(program, all, without: tests))
  }

  // MARK: Reports

  /// A line for each test, and one that counts them.
  package func lines(_ sources: PolicySources, isVerbose: Bool) -> [String] {
    var lines: [String] = []
    for result in results {
      let time = PolicyTestRun.milliseconds(result.nanoseconds)
      switch result.outcome {
      case .passed: if isVerbose { lines.append("PASS \(result.test.name) (\(time))") }
      case .failed(let point):
        lines.append("FAIL \(result.test.name) (\(time))")
        let place = point?.place ?? result.test.place
        let line = sources.modules.first { $0.file == result.test.file }?.line(place.line) ?? ""
        lines.append("  \(result.test.file):\(place.line):\(place.column): \(line)")
      case .broken(let message):
        lines.append("FAIL \(result.test.name) (\(time))")
        lines.append("  \(result.test.file):\(result.test.place.line): \(message)")
      }
    }
    let failed = results.count { $0.outcome != .passed }
    lines.append("\(results.count - failed) passed, \(failed) failed")
    return lines
  }

  /// The same as JSON, with the coverage when it is wanted.
  package func json(_ sources: PolicySources, hasCoverage: Bool) -> String {
    var writer = JSONWriter()
    writer.beginObject()
    writer.key("tests")
    writer.beginArray()
    for result in results { write(result, sources, to: &writer) }
    writer.endArray()
    writer.member("passed", Int64(results.count { $0.outcome == .passed }))
    writer.member("failed", Int64(results.count { $0.outcome != .passed }))
    if hasCoverage {
      writer.key("coverage")
      coverage.write(to: &writer)
    }
    writer.endObject()
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  private func write(_ result: Result, _ sources: PolicySources, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("name", result.test.name)
    writer.member("file", result.test.file)
    writer.member("line", Int64(result.test.place.line))
    writer.member("duration_ns", Int64(clamping: result.nanoseconds))
    writer.member("passed", result.outcome == .passed)
    switch result.outcome {
    case .passed: break
    case .failed(let point):
      let place = point?.place ?? result.test.place
      writer.key("failed_at")
      writer.beginObject()
      writer.member("line", Int64(place.line))
      writer.member("column", Int64(place.column))
      writer.member("text", sources.modules.first { $0.file == result.test.file }?.line(place.line) ?? "")
      writer.endObject()
    case .broken(let message):
      writer.member("error", message)
    }
    writer.endObject()
  }

  /// With two digits behind the point.
  static func milliseconds(_ nanoseconds: UInt64) -> String {
    let hundredths = nanoseconds / 10_000
    let rest = hundredths % 100
    return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest) ms"
  }
}
