import JSONSchema
import Testing

@Suite struct RegularExpressionTests {
  @Test(arguments: [
    ("", "", true), ("", "abc", true), ("a", "xay", true), ("^a$", "a\n", false), ("a|b|", "z", true),
    ("^(a|bc)+$", "abcbca", true),
    ("^(a|bc)+$", "abb", false), ("^a{2}$", "aa", true), ("^a{2,}$", "a", false), ("^a{2,4}$", "aaaaa", false),
    ("^a{0}$", "", true), ("^(?:ab)?$", "ab", true), ("^(?<year>\\d{4})$", "2026", true), ("^.$", "\u{1F600}", true),
    ("^.$", "\n", false),
    ("^[^a-c]$", "d", true), ("^[^a-c]$", "b", false), ("^[\\w-]+$", "a-_9", true), ("^[a\\-z]+$", "a-z", true),
    ("^[]]", "]", false),
    ("^[^]$", "\n", true), ("^\\u0041\\x42\\u{1F600}$", "AB\u{1F600}", true), ("^\\ud83d\\ude00$", "\u{1F600}", true),
    ("^\\p{Lu}\\p{Ll}+$", "Éa", true), ("^\\P{L}+$", "12", true), ("^\\P{L}+$", "1a", false),
    ("^\\p{Letter}+$", "π", true),
    ("\\bcat\\b", "a cat!", true), ("\\bcat\\b", "concat", false), ("^\\S+\\s\\S+$", "a\u{00A0}b", true),
    ("^(?!no)[a-z]+$", "yes", true), ("^(?!no)[a-z]+$", "none", false), ("^(?=.*\\d)(?=.*[a-z]).{4,}$", "abc1", true),
    ("^(?=.*\\d)(?=.*[a-z]).{4,}$", "abcd", false), ("a+?b", "aab", true), ("^(a*)*$", "aaa", true),
    ("x{,2}", "x{,2}", true),
    ("^\\$\\{.+\\}$", "${a}", true), ("^\\cA$", "\u{1}", true), ("\\0", "\u{0}", true), ("^(){3}a", "a", true),
  ])
  func `an expression is found`(_ source: String, _ text: String, _ isThere: Bool) throws {
    #expect(try RegularExpression(source).matches(text) == isThere)
  }

  @Test(arguments: [
    "(", ")", "a)", "[a", "*a", "a**", "^*", "(?i)a", "(?<=a)b", "(?<!a)b", "(a)\\1", "\\k<a>", "\\", "\\a", "\\Z",
    "\\u12", "\\x1",
    "\\u{110000}", "\\p{Greek}", "\\p{", "\\pL", "[b-a]", "a{3,2}", "a{1001}", "(a{100}){100}", "(?<name", "\\01",
  ])
  func `what is not supported is refused`(_ source: String) {
    #expect(throws: RegularExpressionError.self) { try RegularExpression(source) }
  }

  @Test func `size and nesting are bounded`() {
    #expect(throws: RegularExpressionError.self) { try RegularExpression(String(repeating: "a", count: 2001)) }
    let deep = String(repeating: "(", count: 60) + String(repeating: ")", count: 60)
    #expect(throws: RegularExpressionError.self) { try RegularExpression(deep) }
    // What repeats nothing takes no time, however often.
    #expect(throws: Never.self) {
      try RegularExpression(String(repeating: "(", count: 30) + String(repeating: "){1000}", count: 30))
    }
  }

  @Test func `matching does not blow up`() throws {
    // What takes a matcher that tries again longer than the age of the world.
    let expression = try RegularExpression("^(a+)+$")
    #expect(expression.matches(String(repeating: "a", count: 5000) + "b") == false)
    #expect(expression.matches(String(repeating: "a", count: 5000)) == true)
    #expect(expression.matches(String(repeating: "a", count: 5000), stepsMax: 1000) == nil)
    #expect(
      try RegularExpression("(?=(?=.*b).*c)").matches(String(repeating: "a", count: 5000), stepsMax: 100_000) == nil)
  }
}
