extension Rule {
  /// The tests of the clocks themselves, and measurements, which are no tests.
  private static let clockHomes = ["Tests/SystemSourcesTests", "Tests/Benchmarks", "Tests/TidyTests"]
  private static let stopwatches = ["ContinuousClock", "SuspendingClock", "CFAbsoluteTimeGetCurrent"]
  private static let clockReadings = ["Date()", "MonotonicClock.now", "WallClock.now", "timeIntervalSince(", "elapsed"]

  /// A machine may be busy: a test that compares times of its clocks fails there, or proves nothing.
  static let noClockAssertions = Rule(
    "tests assert nothing about the time of the machine",
    eachFile: { file in
      guard file.isSwift, file.isUnder("Tests"), !clockHomes.contains(where: { file.path.hasPrefix($0 + "/") }),
        let code = file.masked?.code
      else { return [] }
      let watches = stopwatches.flatMap { word in
        SourceFile.words(word, in: code).map {
          ($0, "\(word) measures the machine; inject a clock, or make a benchmark")
        }
      }
      let assertions = ["#expect(", "#require("].flatMap { SourceFile.occurrences(of: $0, in: code) }
      let readings = assertions.flatMap { start -> [(Int, String)] in
        let condition = String(decoding: code[start..<closing(start, in: code)], as: UTF8.self)
        return clockReadings.filter { condition.contains($0) }.map {
          (start, "\($0) in an assertion; inject a clock, or wait for an event with a generous limit")
        }
      }
      return (watches + readings).map { Violation(file.path, file.line(of: $0.0), $0.1) }
    })

  /// The place of the parenthesis that closes the first one behind a place.
  private static func closing(_ start: Int, in code: [UInt8]) -> Int {
    var depth = 0
    for position in start..<code.count {
      if code[position] == UInt8(ascii: "(") { depth += 1 }
      if code[position] == UInt8(ascii: ")") {
        depth -= 1
        if depth == 0 { return position }
      }
    }
    return code.count
  }
}
