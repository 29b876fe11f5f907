import JSON
import JSONSchema
import Testing

@Suite struct ViolationTests {
  private func sentences(_ schema: String, _ text: String) throws -> [String] {
    try compile(schema).violations(of: try value(text)).map(\.description)
  }

  @Test func `a violation names both places and what to do`() throws {
    let schema = #"{"properties":{"list":{"items":{"required":["name"]}}}}"#
    let found = try compile(schema).violations(of: try value(#"{"list":[{"name":1},{}]}"#))
    #expect(found.count == 1)
    #expect(found.first?.instancePointer == "/list/1")
    #expect(found.first?.schemaPointer == "/properties/list/items/required")
    #expect(found.first?.description == "/list/1 lacks the required property 'name'")
  }

  @Test func `all violations are found, not only the first`() throws {
    let schema =
      #"{"properties":{"age":{"type":"integer","minimum":18},"tag":{"enum":["a","b"]}},"required":["id"],"additionalProperties":false}"#
    #expect(
      try sentences(schema, #"{"age":5,"tag":"c","extra":1}"#) == [
        "the value lacks the required property 'id'", "/age must be at least 18",
        #"/tag must be one of "a", "b""#, "/extra is not allowed here; allowed are 'age', 'tag'",
      ])
    #expect(try sentences(schema, #"{"id":1}"#) == ["/id is not allowed here; allowed are 'age', 'tag'"])
  }

  @Test(arguments: [
    (#"{"type":"integer"}"#, "1.5", "the value must be an integer, but is a number with a fraction"),
    (#"{"type":["string","null"]}"#, "3", "the value must be null or a string, but is an integer"),
    (#"{"const":"on"}"#, "3", "the value must be \"on\""),
    (#"{"maxLength":1}"#, "\"åb\"", "the value must have at most 1 characters, but has 2"),
    (#"{"multipleOf":0.5}"#, "0.3", "the value must be a multiple of 0.5"),
    (#"{"uniqueItems":true}"#, "[1,2,1]", "the value must not have equal elements, but those at 0 and 2 are equal"),
    (
      #"{"propertyNames":{"maxLength":1}}"#, #"{"ab":1}"#,
      "/ab has a name that must have at most 1 characters, but has 2"
    ),
    (#"{"dependentRequired":{"a":["b"]}}"#, #"{"a":1}"#, "the value lacks the required property 'b', which 'a' needs"),
    ("false", "1", "the value is not allowed here"),
    (
      #"{"oneOf":[{"minimum":1},{"maximum":9}]}"#, "5",
      "the value must fit exactly one alternative of 'oneOf', but fits those at 0 and 1"
    ),
  ])
  func `sentences say what is expected`(_ schema: String, _ text: String, _ sentence: String) throws {
    #expect(try sentences(schema, text) == [sentence])
  }

  @Test func `the closest alternative is explained`() throws {
    let schema =
      #"{"anyOf":[{"properties":{"kind":{"const":"circle"},"r":{"type":"number"}},"required":["kind","r"]},{"properties":{"kind":{"const":"box"},"#
      + #""w":{"type":"number"}},"required":["kind","w"]},{"type":"string"}]}"#
    #expect(
      try sentences(schema, #"{"kind":"box","r":2}"#) == [
        "the value must fit an alternative of 'anyOf'; the closest is the one at 1",
        "the value lacks the required property 'w'",
      ])
  }

  @Test func `pointers are escaped and texts of the value are not repeated`() throws {
    let found = try sentences(#"{"additionalProperties":{"maxLength":2}}"#, #"{"a/b~c":"secret"}"#)
    #expect(found == ["/a~1b~0c must have at most 2 characters, but has 6"])
  }

  @Test func `no more violations are reported than asked for`() throws {
    var options = SchemaOptions()
    options.violationsMax = 3
    let schema = try compile(#"{"items":{"type":"string"}}"#, options)
    #expect(schema.violations(of: try value("[1,2,3,4,5]")).count == 3)
  }
}
