import Decider
import Testing

@Suite struct ExactNumberTests {
  private func holds(_ left: String, _ operation: Condition.Operator, _ right: String) throws -> Bool {
    var step = WorkflowStep(key: "a", jobType: "x")
    step.condition = .compare(reference: "input.n", operation, .number(right))
    let flow = Workflow(name: "x", version: 1, steps: [step, WorkflowStep(key: "z", jobType: "x")])
    var state = RunState(workflow: flow)
    _ = try decide(
      &state,
      .create(input: PayloadRef(sha256: "in", bytes: 1), seed: 1, facts: [Fact("input.n", .number(left))]))
    return state.step("a")?.status != .skipped
  }

  @Test(arguments: [
    ("9007199254740992", "9007199254740993"), ("-9007199254740993", "-9007199254740992"),
    ("9223372036854775807", "9223372036854775808"), ("12345678901234567890", "12345678901234567891"),
    ("0.1", "0.10000000000000000000001"), ("1e400", "1.5e400"), ("-1e400", "1e-400"), ("99", "1e2"), ("-2", "-1"),
    ("0", "1e-999999999999999999999"), ("1e999999", "1e9999999"), ("-0.5", "0"), ("2", "10"),
  ])
  func `numbers are compared by all their digits`(_ small: String, _ large: String) throws {
    #expect(try holds(small, .below, large) && holds(small, .differs, large) && holds(large, .above, small))
    #expect(try holds(small, .atMost, large) && holds(large, .atLeast, small) && holds(large, .atLeast, large))
    #expect(try !holds(small, .equals, large) && !holds(small, .above, large) && !holds(small, .atLeast, large))
    #expect(try holds(small, .equals, small) && holds(large, .equals, large))
  }

  @Test(arguments: [
    ("1.0", "1"), ("100", "1e2"), ("-0", "0"), ("0.0e5", "-0.00"), ("12345678901234567890", "1234567890123456789e1"),
    ("1E+2", "100.000"), ("0.1", "0.10"),
  ])
  func `numbers that are written differently are equal`(_ left: String, _ right: String) throws {
    #expect(try holds(left, .equals, right) && holds(left, .atMost, right) && holds(left, .atLeast, right))
    #expect(try !holds(left, .differs, right) && !holds(left, .below, right) && !holds(left, .above, right))
  }

  @Test func `the shortest form that holds a number is kept`() {
    #expect(FactValue.number("17") == .int(17) && FactValue.number("0.25") == .double(0.25))
    #expect(FactValue.number("12345678901234567890") == .decimal("12345678901234567890"))
    #expect(FactValue.number("0.1000000000000000055") == .decimal("0.1000000000000000055"))
    #expect(FactValue.number("x") == .null && FactValue.number("1e") == .null && FactValue.number(".5") == .null)
  }
}
