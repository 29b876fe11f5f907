import Testing

@testable import Policy

/// What a program that measures coverage counts, and the tests in it.
@Suite("Policy coverage")
struct CoverageTests {
  private let module = """
    package a

    default p := "none"

    p := "one" if {
      input.x == 1
      not input.y
    } else := "two" if {
      every v in input.list { v > 1 }
    }

    q contains v if some v in input.list

    test_p if {
      p == "one" with input as {"x": 1}
      p == "two" with input as {"x": 2, "list": [2]}
      p == "three" with input as {"x": 2}
    }
    """

  private func program(_ text: String, _ measures: Bool = true) throws -> PolicyProgram {
    try PolicyProgram([("a.rego", Array(text.utf8))], measuresCoverage: measures)
  }

  @Test func `a program counts the rules and expressions that have held`() throws {
    let program = try program(module)
    let coverage = PolicyCoverage(of: program)
    _ = try program.document(
      at: ["a", "p"], input: .object(RegoObject([(.string("x"), .int(1))])), now: 0, coverage: coverage)
    let reached = zip(program.points, coverage.isReached).filter(\.1).map { "\($0.0.kind) \($0.0.place.line)" }
    #expect(reached == ["expression 6", "expression 7", "rule 5"])
  }

  @Test func `a test that fails says where`() throws {
    let program = try program(module)
    let test = try #require(program.tests.first)
    #expect(test.name == "data.a.test_p" && program.tests.count == 1)
    let coverage = PolicyCoverage(of: program)
    #expect(try program.document(at: test.path, input: nil, now: 0, coverage: coverage) == nil)
    #expect(program.unmetExpression(of: test, coverage)?.place.line == 17)
  }

  @Test func `other programs have nothing to count`() throws {
    let program = try program(module, false)
    #expect(program.points.isEmpty)
    #expect(program.groups.flatMap(\.definitions).allSatisfy { $0.points.isEmpty })
  }

  @Test func `every module with a fault of syntax is named`() {
    let faults = PolicyProgram.faults(of: [
      ("a.rego", Array("package a\np := {".utf8)), ("b.rego", Array("package b".utf8)),
      ("c.rego", Array("package c\nq := := 1".utf8)),
    ])
    #expect(faults.map(\.file) == ["a.rego", "c.rego"])
    #expect(faults.last?.place.line == 2)
    #expect(PolicyProgram.faults(of: [("a.rego", Array("package a\np := q\nq := p".utf8))]).first?.file == "a.rego")
  }

  @Test func `a query of one term has a value`() throws {
    let program = try program("package a\np := 7")
    #expect(try program.answers(to: "1 + 2", input: nil).first?.value?.json == "3")
    #expect(try program.answers(to: "data.a.p", input: nil).first?.value?.json == "7")
    #expect(try program.answers(to: "data.a.q", input: nil).isEmpty)
    #expect(try program.answers(to: "x = data.a.p", input: nil).first?.bindings["x"]?.json == "7")
    #expect(try program.answers(to: "some x in [1, 2, 3]; y = x", input: nil, answersMax: 2).count == 2)
  }
}
