import AgentTools
import Testing

@Suite struct TextToolTests {
  private static let text = "alpha one\nBeta two\ngamma three\r\nalphabet\n\nlast (x) a.b*c"

  private static func search(
    _ pattern: String, _ kind: TextSearch.Kind = .substring, ignoresCase: Bool = false, context: Int = 0,
    most: Int = 100
  ) -> String {
    said(
      TextSearch.run(
        text, pattern: pattern, kind: kind, ignoresCase: ignoresCase, contextLines: context, matchesMax: most))
  }

  private static func said(_ result: Result<String, ComputeError>) -> String {
    switch result {
    case .success(let text): text
    case .failure(let error): "error: " + error.message
    }
  }

  @Test func `lines that match, in three ways`() {
    #expect(Self.search("alpha") == "2 matches\n1: alpha one\n4: alphabet")
    #expect(Self.search("beta") == "no matches")
    #expect(Self.search("beta", ignoresCase: true) == "1 match\n2: Beta two")
    #expect(Self.search("a.b*c") == "1 match\n6: last (x) a.b*c")
    #expect(Self.search("g*r?e", .glob) == "1 match\n3: gamma three")
    #expect(Self.search("t?o", .glob) == "1 match\n2: Beta two")
    #expect(Self.search("^[a-z]+a\\b", .regex) == "2 matches\n1: alpha one\n3: gamma three")
    #expect(Self.search("BETA T[VW]O$", .regex, ignoresCase: true) == "1 match\n2: Beta two")
    #expect(Self.search("[^A-Z]{3}t", .regex, ignoresCase: true) == "no matches")
    #expect(Self.search("a", most: 1) == "5 matches, the first 1 are shown\n1: alpha one")
    #expect(Self.search("three", context: 1) == "1 match\n2- Beta two\n3: gamma three\n4- alphabet")
    #expect(Self.search("(", .regex).hasPrefix("error: the regular expression cannot be used"))
    #expect(Self.search("(a)\\1", .regex).hasPrefix("error: the regular expression cannot be used"))
  }

  /// Patterns that take exponential time elsewhere.
  @Test(arguments: [
    ("(a+)+$", TextSearch.Kind.regex), ("(a|aa)*b", .regex), ("(.*)*x", .regex), ("a*a*a*a*a*a*a*b", .glob),
    ("*a*a*a*a*a*b*", .glob), (String(repeating: "a", count: 1999) + "b", .substring),
  ])
  func `hostile patterns end`(_ pattern: String, _ kind: TextSearch.Kind) {
    let line = String(repeating: "a", count: 20_000)
    let text = (0..<20).map { _ in line }.joined(separator: "\n")
    let said = Self.said(
      TextSearch.run(text, pattern: pattern, kind: kind, ignoresCase: false, contextLines: 0, matchesMax: 1))
    #expect(said.hasPrefix("no matches") || said.contains("matches") || said.contains("takes too long"))
  }

  @Test func `ranges of lines and counts`() {
    #expect(
      Self.said(TextLines.run(Self.text, first: 2, last: 3))
        == "6 lines, 10 words, 55 characters, 56 bytes; lines 2 to 3:\nBeta two\ngamma three")
    #expect(Self.said(TextLines.run("", first: 1, last: nil)) == "0 lines, 0 words, 0 characters, 0 bytes")
    #expect(Self.said(TextLines.run("a", first: 5, last: nil)).hasPrefix("error: the text has 1 lines"))
    #expect(Self.said(TextLines.run("a\nb", first: 2, last: 1)).hasPrefix("error: the last line"))
    #expect(Self.said(TextLines.run("a\nb", first: 1, last: .max)).hasSuffix("1 to 2:\na\nb"))
  }

  @Test func `replacing`() {
    func replace(_ find: String, _ by: String, _ most: Int? = nil, _ bytesMax: Int = 1000) -> String {
      Self.said(TextLines.replace("abcabc", find, by: by, occurrencesMax: most, bytesMax: bytesMax))
    }
    #expect(replace("b", "XY") == "aXYcaXYc")
    #expect(replace("abc", "", 1) == "abc")
    #expect(replace("x", "y") == "error: the text to find does not occur")
    #expect(replace("b", "yyyyyyyy", nil, 10).hasPrefix("error: the new text is longer"))
    // What was put in is not looked at again.
    #expect(replace("a", "aa") == "aabcaabc")
  }

  @Test func `a diff reads as one`() {
    let before = (1...20).map { "line \($0)" }
    var after = before
    after[4] = "changed"
    after.remove(at: 14)
    let diff = Self.said(
      TextDiff.run(before.joined(separator: "\n"), after.joined(separator: "\n"), contextLines: 1))
    #expect(
      diff == """
        --- before
        +++ after
        @@ -4,3 +4,3 @@
         line 4
        -line 5
        +changed
         line 6
        @@ -14,3 +14,2 @@
         line 14
        -line 15
         line 16
        """)
    #expect(Self.said(TextDiff.run("a\nb", "a\nb", contextLines: 3)).isEmpty)
  }

  /// The new lines follow from the old ones and the diff with all lines as context.
  @Test(arguments: 0..<200 as Range<UInt64>)
  func `every diff leads from one text to the other`(_ seed: UInt64) {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    func next(_ bound: Int) -> Int {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return Int(state % UInt64(bound))
    }
    let letters = ["a", "b", "c", "d"]
    func lines() -> [String] { (0..<next(12)).map { _ in letters[next(4)] } }
    let (before, after) = (lines(), lines())
    let diff = Self.said(
      TextDiff.run(before.joined(separator: "\n"), after.joined(separator: "\n"), contextLines: 20))
    var (old, new): ([String], [String]) = ([], [])
    for line in diff.split(separator: "\n").dropFirst(3) {
      if line.first != "+" { old.append(String(line.dropFirst())) }
      if line.first != "-" { new.append(String(line.dropFirst())) }
    }
    guard before != after else {
      #expect(diff.isEmpty)
      return
    }
    #expect(old == before)
    #expect(new == after)
  }

  @Test func `texts with nothing in common are compared in bounded time`() {
    let before = (0..<5000).map { "a\($0)" }.joined(separator: "\n")
    let after = (0..<5000).map { "b\($0)" }.joined(separator: "\n")
    let diff = Self.said(TextDiff.run(before, after, contextLines: 0))
    #expect(diff.contains("@@ -1,5000 +1,5000 @@"))
  }
}
