import AgentTools
import Testing

@Suite struct CalculatorTests {
  private static func value(_ expression: String) -> String {
    switch CalculatorTool.evaluate(expression) {
    case .success(let value): value
    case .failure(let error): "error: " + error.message
    }
  }

  @Test(arguments: [
    ("2^10", "1024"), ("2 ** 3 ** 2", "512"), ("-2^2", "-4"), ("2^-1", "0.5"), ("7 % 3", "1"), ("-7 % 3", "2"),
    ("7 % -3", "-2"), ("0.1 + 0.2", "0.3"), ("12345678901234567890 * 98765", "1219320976680432097655850"),
    ("2^100", "1267650600228229401496703205376"), ("6/3", "2"), ("1e3 + 1", "1001"), ("2e-2", "0.02"), (".5*4", "2"),
    ("sqrt(2)^2", "2"), ("max(1, 7, 3) - min(4, 2)", "5"), ("mean(1,2,3,4)", "2.5"), ("round(2.71828, 2)", "2.72"),
    ("round(-2.5)", "-3"), ("floor(-0.5)", "-1"), ("ABS(-3)", "3"), ("ln(e)", "1"), ("log10(1000)", "3"),
    ("round(sin(pi/2))", "1"), ("sum(1,2,3)", "6"), ("pow(3, 4)", "81"), ("mod(10, 4)", "2"), ("1\n+\t1", "2"),
    ("170141183460469231731687303715884105727 + 1", "1.70141183460469e+38"),
  ])
  func `values`(_ expression: String, _ value: String) { #expect(Self.value(expression) == value) }

  @Test(arguments: [
    ("1/0", "error: no finite result"), ("0/0", "error: no finite result"), ("1 % 0", "error: no finite result"),
    ("sqrt(-1)", "error: no finite result"), ("10^400", "error: no finite result"),
    ("x", "error: \"x\" is no constant"),
    ("foo(1)", "error: there is no function foo of 1 argument(s)"), ("1 2", "error: not an arithmetic expression"),
    ("2 *", "error: not an arithmetic expression"), ("(1", "error: not an arithmetic expression"),
    ("1)", "error: not an arithmetic expression"), ("--", "error: not an arithmetic expression"),
    ("round(1, 99)", "error: no finite result"), ("é", "error: not an arithmetic expression"),
    ("-170141183460469231731687303715884105728 / -1", "1.70141183460469e+38"),
  ])
  func `what has no value`(_ expression: String, _ message: String) { #expect(Self.value(expression) == message) }

  @Test func `nesting and signs are bounded`() {
    #expect(Self.value(String(repeating: "-", count: 500) + "1") == "error: the expression is nested too deeply")
    #expect(Self.value(String(repeating: "2^", count: 400) + "1") == "error: the expression is nested too deeply")
  }
}
