import Checks
import JSON
import Testing

@Suite struct ChecksTests {
  private func check(_ json: String) throws -> AnswerCheck { try AnswerCheck(try JSONDocument(parsing: json).root) }

  @Test(arguments: [
    (#"{"non_empty":true}"#, "x", true), (#"{"non_empty":true}"#, " \n\t", false),
    (#"{"json":true}"#, #"{"a":1}"#, true), (#"{"json":true}"#, "Sure! {\"a\":1}", false),
    (#"{"json":true}"#, "```json\n{\"a\":1}\n```", true), (#"{"json":true}"#, "```\n{broken\n```", false),
    (#"{"pattern":"^[0-9]+$"}"#, "123", true), (#"{"pattern":"^[0-9]+$"}"#, "12a", false),
    (#"{"json_schema":{"type":"object","required":["a"]}}"#, #"{"a":null}"#, true),
    (#"{"json_schema":{"type":"object","required":["a"]}}"#, #"{"b":1}"#, false),
    (#"{"json_schema":{"description":"x","format":"date","enum":["a"]}}"#, #""a""#, true),
    (#"{"json_schema":{"description":"x","format":"date","enum":["a"]}}"#, #""b""#, false),
    (##"{"json_schema":{"$ref":"#/$defs/n","$defs":{"n":{"type":"number"}}}}"##, "1", true),
    (##"{"json_schema":{"$ref":"#/$defs/n","$defs":{"n":{"type":"number"}}}}"##, "null", false),
  ])
  func `rules say what is good enough`(_ rule: String, _ text: String, _ isGood: Bool) throws {
    #expect((try check(rule).fault(in: text) == nil) == isGood)
  }

  @Test func `a fault names its place`() throws {
    let check = try check(
      #"{"json_schema":{"properties":{"list":{"items":{"required":["name"]}}}}}"#)
    let fault = check.fault(in: #"{"list":[{"name":1},{}]}"#)
    #expect(fault == "the answer breaks the schema: /list/1 lacks the required property 'name'")
  }

  @Test(arguments: [
    "{}", "[]", #"{"made_up":1}"#, #"{"pattern":""}"#, #"{"pattern":"("}"#, #"{"pattern":"(a)\\1"}"#,
    #"{"pattern":"a{1,1000}"}"#, #"{"pattern":"(((((a{9}){9}){9}){9}){9})"}"#,
    #"{"pattern":"(a{255}){255}"}"#, #"{"pattern":"a{3,600}"}"#, #"{"pattern":"(a{100}b{2,}){9,}"}"#,
    #"{"json_schema":{"oneOf":[]}}"#, #"{"json_schema":{"type":"thing"}}"#, #"{"json_schema":{"minItems":-1}}"#,
    #"{"json_schema":[]}"#, #"{"json_schema":{"requierd":["a"]}}"#, #"{"json_schema":{"$ref":"http://example.com"}}"#,
  ])
  func `a check that is not understood is refused`(_ rule: String) {
    #expect(throws: CheckFault.self) { try check(rule) }
  }

  @Test func `depth and size are bounded`() throws {
    let deep = String(repeating: #"{"items":"#, count: 40) + "true" + String(repeating: "}", count: 40)
    #expect(throws: CheckFault.self) { try check("{\"json_schema\":\(deep)}") }
    #expect(try check(#"{"non_empty":true}"#).fault(in: String(repeating: "x", count: 2 << 20)) != nil)
    #expect(throws: CheckFault.self) { try Pattern(String(repeating: "a", count: 501)) }
    let long = String(repeating: "a", count: Pattern.textBytesMax + 1)
    #expect(try check(#"{"pattern":"a"}"#).fault(in: long) == "the answer is too long to be matched")
  }

  @Test func `matching does not blow up`() throws {
    // What takes a backtracking matcher longer than the age of the world.
    let pattern = try Pattern("^(a+)+$")
    #expect(!pattern.matches(String(repeating: "a", count: 5000) + "b"))
    #expect(pattern.matches(String(repeating: "a", count: 5000)))
  }
}
