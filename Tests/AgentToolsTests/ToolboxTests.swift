import AgentTools
import Testing

@Suite struct ToolboxTests {
  @Test(arguments: [
    ("6*7", "42"), (" ( 1 + 2 ) * -3 ", "-9"), ("1/4", "0.25"), ("0.5+0.5", "1"), ("1/0", "error: no finite result"),
    ("", "error: not an arithmetic expression"), ("2+", "error: not an arithmetic expression"),
    ("2 3 x", "error: not an arithmetic expression"), ("1..2", "error: not an arithmetic expression"),
  ])
  func `expressions are evaluated`(expression: String, result: String) {
    #expect(Toolbox.run("calculate", arguments: "{\"expression\":\"\(expression)\"}") == result)
  }

  @Test func `expressions are bounded in length and depth`() {
    let long = String(repeating: "1+", count: 600) + "1"
    #expect(Toolbox.run("calculate", arguments: "{\"expression\":\"\(long)\"}") == "error: the expression is too long")
    let deep = String(repeating: "(", count: 400) + "1" + String(repeating: ")", count: 400)
    #expect(
      Toolbox.run("calculate", arguments: "{\"expression\":\"\(deep)\"}")
        == "error: the expression is nested too deeply")
  }

  @Test func `what a model gets wrong is answered in words`() {
    #expect(Toolbox.run("delete", arguments: "{}") == "error: there is no tool of this name")
    #expect(Toolbox.run("calculate", arguments: nil) == "error: the arguments are not a JSON object")
    #expect(Toolbox.run("calculate", arguments: "{}") == "error: the argument \"expression\" is missing")
    #expect(Toolbox.run("calculate", arguments: "[") == "error: the argument \"expression\" is missing")
  }
}
