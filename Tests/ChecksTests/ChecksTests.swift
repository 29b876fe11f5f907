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
  ])
  func `rules say what is good enough`(_ rule: String, _ text: String, _ isGood: Bool) throws {
    #expect((try check(rule).fault(in: text) == nil) == isGood)
  }

  @Test(arguments: [
    (#"{"type":"integer"}"#, "1", true), (#"{"type":"integer"}"#, "1.0", true), (#"{"type":"integer"}"#, "1.5", false),
    (#"{"type":["string","null"]}"#, "null", true), (#"{"type":["string","null"]}"#, "true", false),
    (#"{"enum":["a",{"b":[1]}]}"#, #"{"b":[1]}"#, true), (#"{"enum":["a"]}"#, #""b""#, false),
    (#"{"const":5}"#, "5", true), (#"{"const":5}"#, "6", false),
    (#"{"properties":{"a":{"type":"string"}}}"#, #"{"a":1}"#, false),
    (#"{"properties":{"a":{}},"additionalProperties":false}"#, #"{"a":1}"#, true),
    (#"{"properties":{"a":{}},"additionalProperties":false}"#, #"{"a":1,"b":2}"#, false),
    (#"{"additionalProperties":{"type":"number"}}"#, #"{"b":"x"}"#, false),
    (#"{"items":{"type":"number"},"minItems":1,"maxItems":2}"#, "[1,2]", true),
    (#"{"items":{"type":"number"}}"#, #"[1,"x"]"#, false), (#"{"minItems":1}"#, "[]", false),
    (#"{"maxItems":2}"#, "[1,2,3]", false), (#"{"minLength":2,"maxLength":3}"#, #""åäö""#, true),
    (#"{"minLength":2}"#, #""x""#, false), (#"{"maxLength":1}"#, #""xy""#, false),
    (#"{"minimum":1,"maximum":2}"#, "1.5", true), (#"{"minimum":1}"#, "0.5", false), (#"{"maximum":2}"#, "3", false),
    (#"{"pattern":"^a+$"}"#, #""aaa""#, true), (#"{"pattern":"^a+$"}"#, #""ab""#, false),
    (#"{"anyOf":[{"type":"string"},{"minimum":3}]}"#, "4", true),
    (#"{"anyOf":[{"type":"string"},{"type":"null"}]}"#, "4", false),
    (#"{"allOf":[{"minimum":1},{"maximum":2}]}"#, "3", false), ("false", "1", false), ("true", "1", true),
    (#"{"description":"x","title":"y","format":"date","default":1}"#, "1", true),
  ])
  func `a schema holds or breaks`(_ schema: String, _ value: String, _ isGood: Bool) throws {
    let schema = try SchemaCheck(try JSONDocument(parsing: schema).root)
    #expect((schema.fault(try JSONDocument(parsing: value).root) == nil) == isGood)
  }

  @Test func `a fault names its place`() throws {
    let check = try check(
      #"{"json_schema":{"properties":{"list":{"items":{"required":["name"]}}}}}"#)
    let fault = check.fault(in: #"{"list":[{"name":1},{}]}"#)
    #expect(fault == "the answer breaks the schema: /list/1 lacks 'name'")
  }

  @Test(arguments: [
    "{}", "[]", #"{"made_up":1}"#, #"{"pattern":""}"#, #"{"pattern":"("}"#, #"{"pattern":"(a)\\1"}"#,
    #"{"pattern":"a{1,1000}"}"#, #"{"pattern":"(((((a{9}){9}){9}){9}){9})"}"#,
    #"{"pattern":"(a{255}){255}"}"#, #"{"pattern":"a{3,600}"}"#, #"{"pattern":"(a{100}b{2,}){9,}"}"#,
    #"{"json_schema":{"oneOf":[]}}"#, #"{"json_schema":{"type":"thing"}}"#, #"{"json_schema":{"minItems":-1}}"#,
    #"{"json_schema":[]}"#, #"{"json_schema":{"$ref":"http://example.com"}}"#,
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
