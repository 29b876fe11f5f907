import History
import Testing

@Suite struct JSONEscapesTests {
  @Test(arguments: [
    (#""a\u0000b""#, true), (#""a\\\u0000""#, true), (#"{"\u0000":1}"#, true), (#""\n\u0000""#, true),
    (#""a\\u0000b""#, false), (#""\\\\u0000""#, false), (#""\u00001""#, true), (#""\u000a0000""#, false),
    (#""u0000""#, false), (#""\u0001\\u0000""#, false), ("\"\\", false), ("", false),
  ])
  func `only the escape of U+0000 is one`(text: String, containsNull: Bool) {
    #expect(JSONEscapes.containNull(text.utf8) == containsNull, "\(text)")
  }
}
