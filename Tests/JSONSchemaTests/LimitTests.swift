import JSON
import JSONSchema
import Testing

@Suite struct LimitTests {
  @Test(arguments: [
    ("[]", "malformed", ""), ("1", "malformed", ""), (##"{"type":"thing"}"##, "malformed", "/type"),
    (##"{"type":[]}"##, "malformed", "/type"), (##"{"minItems":-1}"##, "malformed", "/minItems"),
    (##"{"minLength":1.5}"##, "malformed", "/minLength"), (##"{"multipleOf":0}"##, "malformed", "/multipleOf"),
    (##"{"anyOf":[]}"##, "malformed", "/anyOf"), (##"{"properties":{"a":1}}"##, "malformed", "/properties/a"),
    (##"{"properties":[]}"##, "malformed", "/properties"), (##"{"required":"a"}"##, "malformed", "/required"),
    (##"{"required":[1]}"##, "malformed", "/required"), (##"{"$anchor":"1"}"##, "malformed", "/$anchor"),
    (##"{"$id":"a#b"}"##, "malformed", "/$id"), (##"{"$ref":1}"##, "malformed", "/$ref"),
    (##"{"$defs":{"a":{"$anchor":"x"},"b":{"$anchor":"x"}}}"##, "malformed", "/$defs/b/$anchor"),
    (##"{"$defs":{"a":{"$id":"x"},"b":{"$id":"x"}}}"##, "malformed", "/$defs/b/$id"),
    (##"{"$ref":"https://example.com/x"}"##, "unresolved_reference", "/$ref"),
    (##"{"$ref":"#/$defs/none"}"##, "unresolved_reference", "/$ref"),
    (##"{"$ref":"#none"}"##, "unresolved_reference", "/$ref"),
    (##"{"$defs":{"a":1},"$ref":"#/$defs/a"}"##, "malformed", "/$defs/a"),
    (##"{"pattern":"("}"##, "unsupported", "/pattern"), (##"{"pattern":"(a)\\1"}"##, "unsupported", "/pattern"),
    (##"{"patternProperties":{"(?<=a)b":true}}"##, "unsupported", "/patternProperties/(?<=a)b"),
    (##"{"items":[true]}"##, "unsupported", "/items"),
    (##"{"$schema":"https://example.com/own"}"##, "unsupported", "/$schema"),
    (##"{"$schema":"http://json-schema.org/draft-07/schema#","dependencies":{}}"##, "unsupported", "/dependencies"),
  ])
  func `what is not understood is refused with its place`(_ text: String, _ code: String, _ pointer: String) throws {
    let error = #expect(throws: SchemaError.self) { try compile(text) }
    #expect(error?.code.rawValue == code)
    #expect(error?.pointer == pointer)
    #expect(error?.message.isEmpty == false)
  }

  @Test func `older drafts are accepted where they mean the same`() throws {
    let schema = try compile(
      ##"{"$schema":"http://json-schema.org/draft-07/schema#","definitions":{"a":{"type":"null"}},"$ref":"#/definitions/a"}"##
    )
    #expect(schema.accepts(try value("null")))
    #expect(!schema.accepts(try value("1")))
  }

  @Test func `unknown keywords are annotations, or refused`() throws {
    let text = ##"{"propertys":{"a":true},"x-note":1}"##
    #expect(try compile(text).accepts(try value("1")))
    var options = SchemaOptions()
    options.unknownKeywords = .refused
    #expect(throws: SchemaError.self) { try compile(text, options) }
  }

  @Test func `size and depth of a schema are bounded`() throws {
    func nested(_ count: Int) -> String {
      String(repeating: ##"{"items":"##, count: count) + "true" + String(repeating: "}", count: count)
    }
    #expect(throws: Never.self) { try compile(nested(64)) }
    #expect(throws: SchemaError.self) { try compile(nested(65)) }
    var options = SchemaOptions()
    options.subschemasMax = 10
    #expect(throws: Never.self) { try compile(nested(9), options) }
    #expect(throws: SchemaError.self) { try compile(nested(10), options) }
  }

  @Test(arguments: [
    ##"{"$ref":"#"}"##, ##"{"allOf":[{"$ref":"#"}]}"##, ##"{"not":{"$ref":"#"}}"##, ##"{"$dynamicRef":"#"}"##,
  ])
  func `a reference to itself ends at the depth limit and never counts as right`(_ text: String) throws {
    let schema = try compile(text)
    #expect(schema.violations(of: try value("1")).last?.keyword == "limit")
    #expect(!schema.accepts(try value("1")))
  }

  @Test func `checking ends after its steps and never counts as right`() throws {
    // Each level doubles the work.
    var text = ##"{"$defs":{"d0":{"type":"string"}"##
    for level in 1...40 {
      text += ##","d\##(level)":{"anyOf":[{"$ref":"#/$defs/d\##(level - 1)"},{"$ref":"#/$defs/d\##(level - 1)"}]}"##
    }
    let schema = try compile(text + ##"},"$ref":"#/$defs/d40"}"##)
    #expect(schema.violations(of: try value("1")).last?.keyword == "limit")
    #expect(!schema.accepts(try value("1")))
  }

  @Test func `deep values are checked within the stack`() throws {
    let schema = try compile(##"{"$ref":"#/$defs/a","$defs":{"a":{"allOf":[{"items":{"$ref":"#/$defs/a"}}]}}}"##)
    let text = String(repeating: "[", count: 120) + String(repeating: "]", count: 120)
    #expect(schema.violations(of: try value(text)).last?.keyword == "limit")
    let flat = String(repeating: "[", count: 80) + String(repeating: "]", count: 80)
    #expect(schema.accepts(try value(flat)))
  }

  @Test func `formats refuse only when they are to`() throws {
    let text = ##"{"format":"date"}"##
    #expect(try compile(text).accepts(try value("\"x\"")))
    var options = SchemaOptions()
    options.formats = .assertion
    #expect(!(try compile(text, options).accepts(try value("\"x\""))))
    #expect(try compile(##"{"format":"own"}"##, options).accepts(try value("\"x\"")))
  }
}
