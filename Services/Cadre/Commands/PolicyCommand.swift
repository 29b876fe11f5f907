internal import JSON
internal import LocalStack
internal import Policy
internal import PolicyTools
internal import Primitives
internal import SystemSources

/// `cadre policy`: tests, checks, formats and asks policies, and compares them with decisions that were logged. Ends
/// with 0 when all is well, 1 when something is not, 2 when the command line is not understood or a file is not there.
struct PolicyCommand {
  let output: Output

  private static let standardFolder = "policies"

  func run(_ arguments: [String]) -> Int32 {
    let rest = Array(arguments.dropFirst())
    do {
      switch arguments.first {
      case "test": return try test(rest)
      case "check": return try check(rest)
      case "eval": return try eval(rest)
      case "fmt": return try format(rest)
      case "coverage": return try coverage(rest)
      case "what-if": return try whatIf(rest)
      default:
        throw OptionError(
          description:
            "policy needs one of test, check, eval, fmt, coverage, what-if, status, mode, halt, release, data"
        )
      }
    } catch let error as OptionError {
      output.error("cadre: \(error.description)")
    } catch let error as PolicySourceError {
      output.error("cadre: \(error.description)")
    } catch let error as PolicyError {
      output.error(error.description)
      return 1
    } catch let error as EvaluationError {
      output.error("\(error.code.rawValue): \(error.message)")
      return 1
    } catch {
      output.error("cadre: \(error)")
    }
    return 2
  }

  private var now: Int64 { WallClock.now().unixMicroseconds &* 1000 }

  /// The policies that the words name, with the documents of `--data`.
  private func sources(_ paths: [String], _ options: Options) throws -> PolicySources {
    var sources = try PolicyFolder.read(paths.isEmpty ? [PolicyCommand.standardFolder] : paths)
    for file in options.all("data") { try sources.add(try PolicyFolder.bytes(file), at: [], from: file) }
    return sources
  }

  // MARK: Tests

  private func test(_ arguments: [String]) throws -> Int32 {
    let options = try Options(
      arguments, valued: ["data", "run", "threshold"], flags: ["coverage", "json", "verbose"])
    let threshold = try options.number("threshold", default: 0, in: 0...100)
    let sources = try sources(options.words, options)
    let run = try PolicyTestRun.run(sources, filter: options["run"] ?? "", now: now) { MonotonicClock.now() }
    let hasCoverage = options["coverage"] != nil || options["threshold"] != nil
    if options["json"] != nil {
      output.line(run.json(sources, hasCoverage: hasCoverage))
    } else {
      for line in run.lines(sources, isVerbose: options["verbose"] != nil) { output.line(line) }
      if hasCoverage { for line in run.coverage.lines { output.line(line) } }
    }
    guard !run.results.isEmpty else {
      output.error("cadre: no test was found")
      return 1
    }
    guard run.coverage.total.perMille >= threshold * 10 else {
      output.error("cadre: the coverage is below \(threshold)%")
      return 1
    }
    return run.isPassed ? 0 : 1
  }

  /// What the tests reach, without what becomes of them.
  private func coverage(_ arguments: [String]) throws -> Int32 {
    let options = try Options(arguments, valued: ["data", "threshold"], flags: ["json"])
    let threshold = try options.number("threshold", default: 0, in: 0...100)
    let run = try PolicyTestRun.run(try sources(options.words, options), now: now) { 0 }
    if options["json"] != nil {
      var writer = JSONWriter()
      run.coverage.write(to: &writer)
      output.line(String(decoding: writer.bytes, as: UTF8.self))
    } else {
      for line in run.coverage.lines { output.line(line) }
    }
    return run.coverage.total.perMille >= threshold * 10 ? 0 : 1
  }

  // MARK: Checks

  private func check(_ arguments: [String]) throws -> Int32 {
    let options = try Options(arguments, valued: ["data"], flags: ["json"])
    let sources = try sources(options.words, options)
    let faults = PolicyProgram.faults(of: sources.texts(withTests: true))
    if options["json"] != nil {
      var writer = JSONWriter()
      writer.beginArray()
      for fault in faults {
        writer.beginObject()
        writer.member("file", fault.file)
        writer.member("line", Int64(fault.place.line))
        writer.member("column", Int64(fault.place.column))
        writer.member("code", fault.code.rawValue)
        writer.member("message", fault.message)
        writer.endObject()
      }
      writer.endArray()
      output.line(String(decoding: writer.bytes, as: UTF8.self))
    } else {
      for fault in faults { output.line(fault.description) }
      if faults.isEmpty { output.line("\(sources.modules.count) modules are well") }
    }
    return faults.isEmpty ? 0 : 1
  }

  private func format(_ arguments: [String]) throws -> Int32 {
    let options = try Options(arguments, valued: [], flags: ["check", "print"])
    let paths = options.words.isEmpty ? [PolicyCommand.standardFolder] : options.words
    var status: Int32 = 0
    for module in try PolicyFolder.modules(paths) {
      let formatted: [UInt8]
      do throws(PolicyError) { formatted = try PolicyFormatter.format(module.text, file: module.file) } catch {
        output.error(error.description)
        status = 1
        continue
      }
      if options["print"] != nil {
        output.bytes(formatted)
      } else if formatted != module.text {
        output.line(module.file)
        if options["check"] != nil {
          status = 1
        } else if !FileAccess.write(module.file, bytes: formatted) {
          throw PolicySourceError("\(module.file) cannot be written")
        }
      }
    }
    return status
  }

  // MARK: Questions

  private func eval(_ arguments: [String]) throws -> Int32 {
    let options = try Options(arguments, valued: ["data", "input"], flags: ["explain"])
    guard let question = options.words.first else {
      throw OptionError(description: "policy eval needs a query, such as cadre/http/decision")
    }
    var input: RegoValue?
    if let file = options["input"] {
      let bytes = file == "-" ? LineReader.all("-") : try PolicyFolder.bytes(file)
      do { input = RegoValue(try JSONDocument(parsing: bytes ?? []).root) } catch {
        throw PolicySourceError("\(file): \(error)")
      }
    }
    let sources = try sources(Array(options.words.dropFirst()), options)
    let evaluation = PolicyEvaluation(sources, input: input)
    if options["explain"] != nil {
      for line in try evaluation.explanation(of: question, now: now) { output.error(line) }
    }
    let answers = try evaluation.answers(to: question, now: now)
    for answer in answers { output.line(answer) }
    if answers.isEmpty { output.error("undefined") }
    return answers.isEmpty ? 1 : 0
  }

  private func whatIf(_ arguments: [String]) throws -> Int32 {
    let options = try Options(arguments, valued: ["data", "policies"], flags: ["exact", "json"])
    guard !options.words.isEmpty else {
      throw OptionError(
        description: "policy what-if needs a decision log, a file of JSON lines; - is the standard input")
    }
    var report = try WhatIfReport(
      try sources(options.all("policies"), options), isExact: options["exact"] != nil, now: now)
    for file in options.words {
      guard var reader = LineReader(file) else { throw PolicySourceError("\(file) cannot be read") }
      while let line = reader.next() { report.add(line) }
    }
    if options["json"] != nil {
      output.line(report.json)
    } else {
      for line in report.lines { output.line(line) }
    }
    guard report.decisions > 0 else { throw PolicySourceError("the log holds no decision") }
    return report.different == 0 ? 0 : 1
  }
}
