import Testing

@testable import Settings

@Suite struct InterpolationTests {
  private static func expand(_ text: String, _ environment: [String: String] = [:]) -> Interpolation.Outcome {
    var interpolation = Interpolation(environment: environment)
    return interpolation.expand(text)
  }

  @Test(arguments: ["", "plain", "$", "$HOME", "a$b$", "{X}", "$ {X}", "100$"])
  func `text without a marked name stays as it is`(_ text: String) {
    #expect(Self.expand(text) == .unchanged)
  }

  @Test(arguments: [
    ("${A}", "1"), ("x${A}y${A}z", "x1y1z"), ("${A:-9}", "1"), ("${N:-9}", "9"), ("${E:-9}", "9"), ("${E}", ""),
    ("${N:-}", ""), ("$${A}", "${A}"), ("$$${A}", "$${A}"), ("$$", "$$"), ("${N:-a:-b}", "a:-b"), ("é${A}", "é1"),
    ("${S}", "${A}"), ("${N:-${A}", "${A"),
  ])
  func `names are replaced once`(_ text: String, _ expected: String) {
    let outcome = Self.expand(text, ["A": "1", "E": "", "S": "${A}"])
    #expect(outcome == (text == expected ? .unchanged : .expanded(expected)))
  }

  @Test(arguments: ["${", "${}", "${A", "${1A}", "${A B}", "${A:?x}", "${A-x}", "${é}", "${N}", "${:-x}", "${A:}"])
  func `malformed and unset names are faults`(_ text: String) {
    guard case .fault(.interpolation, _) = Self.expand(text, ["A": "1"]) else {
      Issue.record("accepted: \(Self.expand(text, ["A": "1"]))")
      return
    }
  }

  @Test func `expansion is bounded over the whole file`() {
    let megabyte = String(repeating: "x", count: 1024 * 1024)
    var interpolation = Interpolation(environment: ["M": megabyte])
    for _ in 0..<4 {
      guard case .expanded = interpolation.expand("${M}") else {
        Issue.record("refused too early")
        return
      }
    }
    guard case .fault(.limit, _) = interpolation.expand("${M}") else {
      Issue.record("not bounded")
      return
    }
    var second = Interpolation(environment: ["M": megabyte])
    guard case .fault(.limit, _) = second.expand(String(repeating: "${M}", count: 100_000)) else {
      Issue.record("not bounded")
      return
    }
  }
}
