import JSON
import JSONSchema
import Testing

@Suite struct KeywordTests {
  private static let values = [
    SchemaCase("true", good: ["1", "{}"]), SchemaCase("false", bad: ["1", "null"]), SchemaCase("{}", good: ["null"]),
    SchemaCase(
      ##"{"type":"integer"}"##, good: ["1", "1.0", "1e3", "-0", "12345678901234567890"], bad: ["1.5", "1e-1", "\"1\""]),
    SchemaCase(##"{"type":["string","null"]}"##, good: ["\"\"", "null"], bad: ["0", "false", "[]", "{}"]),
    SchemaCase(##"{"const":1}"##, good: ["1", "1.0", "10e-1"], bad: ["true", "\"1\"", "1.0000000000000000001"]),
    SchemaCase(
      ##"{"const":{"a":[1,{"b":null}]}}"##, good: [##"{"a":[1.0,{"b":null}]}"##],
      bad: [##"{"a":[1]}"##, ##"{"a":[1,{}]}"##]),
    SchemaCase(##"{"const":"\u00e9"}"##, good: [#""\u00e9""#], bad: [#""e\u0301""#]),
    SchemaCase(##"{"enum":[1,"a",null,[2]]}"##, good: ["1.0", "\"a\"", "null", "[2]"], bad: ["2", "[2,2]", "false"]),
    SchemaCase(
      ##"{"minimum":0.1,"maximum":9007199254740993}"##, good: ["0.1", "1e-1", "9007199254740993"],
      bad: ["0.09999999999999999999999", "9007199254740994", "-1", "1e400"]),
    SchemaCase(
      ##"{"exclusiveMinimum":1,"exclusiveMaximum":2}"##, good: ["1.00000000000000000000001", "\"x\""],
      bad: ["1", "2.0"]),
    SchemaCase(##"{"multipleOf":0.01}"##, good: ["4.02", "0", "1e300", "-7.5"], bad: ["0.001", "1e-400"]),
    SchemaCase(##"{"multipleOf":7}"##, good: ["49", "7e100"], bad: ["1e100", "50"]),
    SchemaCase(
      ##"{"minLength":2,"maxLength":3}"##, good: [#""\u00e9\ud83d\ude00""#, "1"], bad: [#""x""#, #""abcd""#]),
    SchemaCase(##"{"pattern":"^a+\\d{2,3}$"}"##, good: [#""aa12""#, "5"], bad: [#""a1""#, #""aa1234""#, #""xa12""#]),
    SchemaCase(
      ##"{"minItems":1,"maxItems":2,"uniqueItems":true}"##, good: ["[1]", "[1,true]", "[[1],[2]]", "{}"],
      bad: ["[]", "[1,2,3]", "[1,1.0]", ##"[{"a":1,"b":2},{"b":2,"a":1}]"##]),
    SchemaCase(
      ##"{"prefixItems":[{"type":"string"}],"items":{"type":"number"}}"##, good: ["[]", ##"["a",1,2]"##],
      bad: ["[1]", ##"["a","b"]"##]),
    SchemaCase(##"{"contains":{"minimum":5}}"##, good: ["[1,5]"], bad: ["[]", "[1]"]),
    SchemaCase(
      ##"{"contains":{"minimum":5},"minContains":2,"maxContains":3}"##, good: ["[5,6]"], bad: ["[5]", "[5,6,7,8]"]),
    SchemaCase(##"{"contains":false,"minContains":0}"##, good: ["[]", "[1]"]),
    SchemaCase(
      ##"{"minProperties":1,"maxProperties":2,"required":["a"]}"##, good: [##"{"a":1}"##, "[]"],
      bad: ["{}", ##"{"b":1}"##, ##"{"a":1,"b":2,"c":3}"##]),
    SchemaCase(
      ##"{"properties":{"a":{"type":"string"}},"patternProperties":{"^x":{"type":"number"}},"additionalProperties":false}"##,
      good: [##"{"a":"s","x1":1}"##], bad: [##"{"a":1}"##, ##"{"x1":"s"}"##, ##"{"b":1}"##]),
    SchemaCase(##"{"propertyNames":{"maxLength":2}}"##, good: [##"{"ab":1}"##], bad: [##"{"abc":1}"##]),
    SchemaCase(
      ##"{"dependentRequired":{"card":["address"]},"dependentSchemas":{"a":{"required":["b"]}}}"##,
      good: ["{}", ##"{"address":1}"##, ##"{"a":1,"b":2}"##], bad: [##"{"card":1}"##, ##"{"a":1}"##]),
    SchemaCase(##"{"allOf":[{"minimum":1},{"maximum":2}]}"##, good: ["1"], bad: ["3", "0"]),
    SchemaCase(##"{"anyOf":[{"type":"string"},{"minimum":3}]}"##, good: ["\"a\"", "4"], bad: ["2"]),
    SchemaCase(##"{"oneOf":[{"multipleOf":2},{"multipleOf":3}]}"##, good: ["2", "3"], bad: ["6", "5"]),
    SchemaCase(##"{"not":{"type":"null"}}"##, good: ["0"], bad: ["null"]),
    SchemaCase(
      ##"{"if":{"minimum":10},"then":{"multipleOf":10},"else":{"multipleOf":2}}"##, good: ["20", "4"], bad: ["15", "5"]),
    SchemaCase(##"{"if":false,"then":false}"##, good: ["1"]),
    SchemaCase(##"{"then":false,"else":false}"##, good: ["1"]),
  ]

  private static let unevaluated = [
    SchemaCase(
      ##"{"allOf":[{"properties":{"a":true}}],"properties":{"b":true},"unevaluatedProperties":false}"##,
      good: [##"{"a":1,"b":2}"##], bad: [##"{"c":1}"##]),
    SchemaCase(
      ##"{"anyOf":[{"properties":{"a":{"const":1}}},{"properties":{"b":true}}],"unevaluatedProperties":{"type":"null"}}"##,
      good: [##"{"a":1,"b":2}"##, ##"{"a":2,"b":1}"##.replacing("2", with: "null"), ##"{"z":null}"##],
      bad: [##"{"a":2,"b":1}"##, ##"{"z":1}"##]),
    SchemaCase(
      ##"{"if":{"properties":{"kind":{"const":"a"}},"required":["kind"]},"then":{"properties":{"x":true}},"unevaluatedProperties":false}"##,
      good: [##"{"kind":"a","x":1}"##], bad: [##"{"kind":"b"}"##, ##"{"kind":"a","y":1}"##]),
    SchemaCase(
      ##"{"not":{"properties":{"a":true},"required":["zz"]},"unevaluatedProperties":false}"##, good: ["{}"],
      bad: [##"{"a":1}"##]),
    SchemaCase(
      ##"{"prefixItems":[true],"contains":{"type":"string"},"unevaluatedItems":{"type":"null"}}"##,
      good: [##"[1,"a",null]"##], bad: [##"[1,"a",2]"##]),
    SchemaCase(##"{"allOf":[{"items":true}],"unevaluatedItems":false}"##, good: ["[1,2]"]),
    SchemaCase(
      ##"{"$ref":"#/$defs/base","$defs":{"base":{"properties":{"a":true}}},"unevaluatedProperties":false}"##,
      good: [##"{"a":1}"##], bad: [##"{"b":1}"##]),
    SchemaCase(
      ##"{"properties":{"in":{"unevaluatedProperties":false}},"unevaluatedProperties":false}"##,
      good: [##"{"in":{}}"##], bad: [##"{"in":{"a":1}}"##, ##"{"out":1}"##]),
  ]

  private static let references = [
    SchemaCase(
      ##"{"properties":{"next":{"$ref":"#"}},"required":["v"]}"##, good: [##"{"v":1,"next":{"v":2}}"##],
      bad: [##"{"v":1,"next":{}}"##]),
    SchemaCase(
      ##"{"$defs":{"a/b":{"c~d":{"e%f":{"type":"null"}}}},"$ref":"#/$defs/a~1b/c~0d/e%25f"}"##, good: ["null"],
      bad: ["1"]),
    SchemaCase(##"{"$defs":{"n":{"$anchor":"num","type":"number"}},"$ref":"#num"}"##, good: ["1"], bad: ["null"]),
    SchemaCase(
      ##"{"$id":"https://a.example/root","$ref":"part.json#/$defs/x","$defs":{"p":{"$id":"part.json","$defs":{"x":{"type":"string"}}}}}"##,
      good: ["\"s\""], bad: ["1"]),
    SchemaCase(##"{"$ref":"#/odd/0","odd":[{"type":"array"}]}"##, good: ["[]"], bad: ["{}"]),
    SchemaCase(
      ##"{"$id":"urn:example:root","$ref":"urn:example:inner","$defs":{"i":{"$id":"urn:example:inner","const":7}}}"##,
      good: ["7"], bad: ["8"]),
    SchemaCase(
      ##"{"$ref":"#/$defs/t","minimum":5,"$defs":{"t":{"type":"integer"}}}"##, good: ["5"], bad: ["4", "5.5"]),
    SchemaCase(
      ##"{"$id":"https://a.example/strict","$ref":"tree","$dynamicAnchor":"node","unevaluatedProperties":false,"$defs":{"t":{"$id":"tree","##
        + ##""$dynamicAnchor":"node","properties":{"data":true,"children":{"items":{"$dynamicRef":"#node"}}}}}}"##,
      good: [##"{"children":[{"data":1}]}"##], bad: [##"{"children":[{"daat":1}]}"##, ##"{"x":1}"##]),
  ]

  @Test(arguments: values + unevaluated + references)
  func `a schema takes what fits and nothing else`(_ test: SchemaCase) throws {
    let schema = try test.compiled()
    for good in test.good {
      #expect(schema.violations(of: try value(good)).isEmpty, "\(good)")
      #expect(schema.accepts(try value(good)), "\(good)")
    }
    for bad in test.bad {
      #expect(!schema.violations(of: try value(bad)).isEmpty, "\(bad)")
      #expect(!schema.accepts(try value(bad)), "\(bad)")
    }
  }
}
