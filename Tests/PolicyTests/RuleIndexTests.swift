import JSON
import Testing

@testable import Policy

/// What a rule with many definitions costs, and what it says: the same as without an index.
@Suite("Rule index")
struct RuleIndexTests {
  private final class Count: EvaluationObserver {
    var rules = 0
    func observe(_ event: EvaluationEvent, at site: PolicySite) { if case .enters = event { rules += 1 } }
  }

  private func program(_ text: String) throws -> PolicyProgram { try PolicyProgram([("a.rego", Array(text.utf8))]) }

  private func tried(_ program: PolicyProgram, _ input: String) throws -> (value: String?, rules: Int) {
    let count = Count()
    let value = try program.document(
      at: ["test", "p"], input: RegoValue(try JSONDocument(parsing: input).root), now: 0, observer: count)
    return (value?.json, count.rules)
  }

  @Test(arguments: [
    "input.action.route == \"r\"", "\"r\" == input.action.route", "input.action.route = \"r\"",
    "input.action.route in {\"r\", \"other r\"}",
  ])
  func `one definition of a thousand is looked at`(_ condition: String) throws {
    let rules = (0..<1000).map { number in
      "p := \(number) if {\n  \(condition.replacing("\"r\"", with: "\"r\(number)\""))\n  input.n > 0\n}\n"
    }
    let program = try program("package test\n\n" + rules.joined())
    let (value, count) = try tried(program, #"{"action":{"route":"r777"},"n":1}"#)
    #expect(value == "777" && count == 1)
    #expect(try tried(program, #"{"action":{"route":"none"},"n":1}"#) == (nil, 0))
    #expect(try tried(program, #"{"action":{},"n":1}"#) == (nil, 0))
  }

  @Test func `arguments are looked at too`() throws {
    let rules = (0..<500).map { "f(\"k\($0)\", x) := x + \($0)\n" }
    let program = try program("package test\n\n" + rules.joined() + "\np := f(input.key, 1)\n")
    let (value, count) = try tried(program, #"{"key":"k123"}"#)
    #expect(value == "124" && count == 2)
  }

  @Test func `definitions without a condition are always tried, in their order`() throws {
    let program = try program(
      """
      package test

      p contains "always"
      p contains "a" if input.x == "a"
      p contains "ab" if input.x in ["a", "b"]
      p contains "ab and y" if { input.x in ["a", "b"]; input.y == 1 }
      p contains "number" if input.x == 1
      p contains "else" if input.never == 1
      p contains "y" if input.y == 1
      """)
    #expect(try tried(program, #"{"x":"a"}"#).value == #"["a","ab","always"]"#)
    #expect(try tried(program, #"{"x":"b","y":1}"#).value == #"["ab","ab and y","always","y"]"#)
    #expect(try tried(program, #"{"x":1.0}"#).value == #"["always","number"]"#)
    #expect(try tried(program, "{}").value == #"["always"]"#)
  }

  @Test func `a branch behind else is not skipped`() throws {
    let rules = (0..<10).map { "p := \"a\($0)\" if input.x == \($0) else := \"b\" if input.y == \($0)\n" }
    let program = try program("package test\n\n" + rules.joined())
    #expect(try tried(program, #"{"x":3}"#).value == "\"a3\"")
    #expect(try tried(program, #"{"y":4}"#).value == "\"b\"")
  }

  @Test func `a replaced input is looked at, a replaced function is called`() throws {
    let rules = (0..<10).map { "q := \($0) if input.x == \($0)\n" }
    let program = try program(
      "package test\n\n" + rules.joined()
        + "\np := [a, b] if { a := q with input.x as 7; b := q with input as {\"x\": 2} }\n")
    #expect(try tried(program, #"{"x":1}"#).value == "[7,2]")
  }
}

/// What a document depends on.
@Suite("Policy traits")
struct PolicyTraitsTests {
  @Test func `the time is found through rules and functions`() throws {
    let text = """
      package test

      direct := time.now_ns()
      fixed if input.subject.role == "admin"
      through if later(1)
      later(x) if clock > x
      clock := time.now_ns()
      whole := object.keys(input)
      replaced := x if x := time.now_ns() with time.now_ns as 1
      """
    let program = try PolicyProgram([("a.rego", Array(text.utf8))])
    #expect(!program.traits(at: ["test", "direct"]).isDeterministic)
    #expect(!program.traits(at: ["test", "through"]).isDeterministic)
    #expect(program.traits(at: ["test", "fixed"]).isDeterministic)
    #expect(!program.traits(at: ["test"]).isDeterministic)
    #expect(program.traits(at: ["test", "fixed"]).reads("subject"))
    #expect(!program.traits(at: ["test", "fixed"]).reads("ip"))
    #expect(program.traits(at: ["test", "whole"]).reads("ip"))
    #expect(program.hasRules(at: ["test", "fixed"]) && !program.hasRules(at: ["test", "none"]))
  }
}
