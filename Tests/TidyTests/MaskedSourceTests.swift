import Testing

@Suite struct MaskedSourceTests {
  private static func code(_ source: String) -> String {
    String(decoding: MaskedSource(Array(source.utf8)).code, as: UTF8.self)
  }

  @Test(arguments: [
    ("a // b", "a     "), ("a /* b */ c", "a         c"), ("/* a /* b */ c */ d", "                  d"),
    ("\"a//b\" + c", "\"    \" + c"), (#""a\"b" c"#, #""    " c"#), (##"#"a"b"# c"##, ##"#"   "# c"##),
    (#""x\(y!)z""#, #""  (y!) ""#), (#""\(f("a", (1)))b" c"#, #"" (f(" ", (1))) " c"#), ("`a b!` c", "`    ` c"),
    ("\"open\nx", "\"    \nx"), (##"#"\(a)"# b"##, ##"#"    "# b"##), (##"#"\#(a)"# b"##, ##"#"  (a)"# b"##),
    ("#if !A", "#if !A"), ("a / b", "a / b"), ("\"\"\"\n x! \"y\n\"\"\" z", "\"\"\"\n      \n\"\"\" z"),
  ])
  func `only code remains`(_ source: String, _ expected: String) {
    #expect(Self.code(source) == expected)
  }

  @Test func `comments are known by line`() {
    let masked = MaskedSource(Array("a\nb // c\n/* d\n e */\nf".utf8))
    #expect(masked.hasComment == [false, true, true, true, false])
  }

  @Test func `lines inside a long string are known`() {
    let masked = MaskedSource(Array("a = \"\"\"\n b\n \"\"\"\nc".utf8))
    #expect(masked.startsInText == [false, true, true, false])
  }
}
