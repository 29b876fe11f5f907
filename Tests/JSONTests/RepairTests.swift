import JSON
import Testing

@Suite struct RepairTests {
  private func mended(_ text: String) throws -> String {
    String(decoding: try JSONDocument(lenientlyParsing: Array(text.utf8)).bytes, as: UTF8.self)
  }

  @Test func `a valid text stays as it is`() throws {
    let text = #"{ "a": [1, -2.5e3, "x\u00e9\ud83d\ude00"], "b": null }"#
    #expect(try mended(text) == text)
  }

  @Test(arguments: [
    (#"{"id":"a","id":"b","x":{"k":1,"k":2}}"#, #"{"id":"b","x":{"k":2}}"#),
    (#"{"a":NaN,"b":[-Infinity,Infinity,+inf]}"#, #"{"a":null,"b":[null,null,null]}"#),
    ("\u{FEFF}{\"a\":1}", #"{"a":1}"#),
    ("{\"a\":\"tab\there\nline\"}", #"{"a":"tab\u0009here\u000aline"}"#),
    (#"{"a":"\x NaN \ud800 \udc00"}"#, #"{"a":"\\x NaN \ufffd \ufffd"}"#),
    ("{\"a\":1}\0\0", #"{"a":1}"#),
  ])
  func `what is meant is understood`(_ text: String, _ expected: String) throws {
    #expect(try mended(text) == expected)
  }

  @Test func `bytes that are not UTF-8 become replacement characters`() throws {
    let document = try JSONDocument(lenientlyParsing: Array("{\"a\":\"".utf8) + [0xFF, 0x41] + Array("\"}".utf8))
    #expect(document.root["a"]?.string == "\u{FFFD}A")
  }

  @Test(arguments: ["", "<html>", #"{"a":1"#, #"{"a":"#, "{'a':1}", #"{"a":1}{"b":2}"#, "\"\\"])
  func `what is no JSON stays an error`(_ text: String) {
    #expect(throws: JSONError.self) { try JSONDocument(lenientlyParsing: Array(text.utf8)) }
  }

  @Test func `limits hold`() {
    let deep = String(repeating: "[", count: 5000) + "NaN" + String(repeating: "]", count: 5000)
    #expect(throws: JSONError.self) { try JSONDocument(lenientlyParsing: Array(deep.utf8)) }
  }
}
