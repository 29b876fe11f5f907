import Testing

@testable import Policy

/// Both ways to match an expression agree, whichever texts are small enough for the faster one.
@Suite struct PatternTests {
  /// Made-up expressions and texts, the same in every run.
  private struct Source {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed &* 2 &+ 1 }

    mutating func below(_ count: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % UInt64(count))
    }

    mutating func expression(_ depth: Int) -> String {
      switch below(depth > 3 ? 6 : 12) {
      case 0: return "a"
      case 1: return "b"
      case 2: return "[^a]"
      case 3: return "."
      case 4: return "\\b"
      case 5: return ["^", "$", "(?m:^)", "(?m:$)", "é"][below(5)]
      case 6, 7: return expression(depth + 1) + expression(depth + 1)
      case 8: return "(" + expression(depth + 1) + "|" + expression(depth + 1) + ")"
      default:
        return "(" + expression(depth + 1) + ")"
          + ["*", "+", "?", "*?", "+?", "??", "{1,2}", "{2}", "{0,3}?"][below(9)]
      }
    }

    mutating func text() -> [Unicode.Scalar] {
      (0..<below(12)).map { _ in ["a", "b", "a", "b", " ", "\n", "é"][below(7)] }
    }
  }

  @Test func `finds the same in one way as in the other`() throws {
    var source = Source(7)
    var (matches, tried) = (0, 0)
    for _ in 0..<4000 {
      let expression = source.expression(0)
      let pattern: Pattern
      do { pattern = try Pattern(expression) } catch { continue }
      for _ in 0..<4 {
        let text = source.text()
        let from = source.below(text.count + 1)
        var steps = (1_000_000, 1_000_000)
        let quick = try pattern.match(text, from: from, steps: &steps.0)
        let slow = try pattern.matchInRounds(text, from: from, steps: &steps.1)
        #expect(quick == slow, "\(expression) in \(text.map(\.description)) from \(from)")
        tried += 1
        matches += quick == nil ? 0 : 1
      }
    }
    #expect(tried > 8000)
    #expect(matches > 2000)
  }

  @Test func `what would take for ever by trying every way takes few steps`() throws {
    let text = [Unicode.Scalar](repeating: "a", count: 500)
    var steps = 1_000_000
    #expect(try Pattern("^(a|a)*(a|a)*(a*)*b").match(text, from: 0, steps: &steps) == nil)
    #expect(steps > 900_000)
    // The bound of steps holds.
    steps = 400
    #expect(throws: EvaluationError.self) { try Pattern("(a*)*b").match(text, from: 0, steps: &steps) }
  }

  @Test func `a text that is too long to be marked is searched too`() throws {
    let text = [Unicode.Scalar](repeating: "b", count: 60_000) + ["a"]
    var steps = 10_000_000
    #expect(try Pattern("(a)$").match(text, from: 0, steps: &steps) == [60_000, 60_001, 60_000, 60_001])
  }
}
