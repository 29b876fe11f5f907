import JSON
import Testing

@Suite struct JSONFieldsTests {
  private func faults(_ text: String) throws -> [String] {
    var fields = JSONFields(try JSONDocument(parsing: text).root)
    _ = fields.string("prompt", isRequired: true, bytesMax: 5)
    _ = fields.int("priority", in: 0...9)
    _ = fields.strings("labels", countMax: 2, bytesMax: 3)
    _ = fields.string("mode", bytesMax: 10, allowed: ["on", "off"])
    _ = fields.object("limits") { nested in _ = nested.double("cost", isRequired: true, in: 0...1) }
    do {
      try fields.finish()
      return []
    } catch { return error.faults.map { "\($0.pointer) \($0.code.rawValue)" } }
  }

  @Test func `a good object has no faults`() throws {
    #expect(try faults(#"{"prompt":"hi","priority":3,"labels":["a"],"mode":"on","limits":{"cost":0.5}}"#) == [])
    #expect(try faults(#"{"prompt":"hi","priority":null}"#) == [])
  }

  @Test func `all faults are named, not only the first`() throws {
    #expect(
      try faults(
        #"{"priority":10,"labels":["a",1],"mode":"maybe","limits":{"cost":2,"x~/y":1},"extra":1}"#)
        == [
          "/prompt required", "/priority range", "/labels/1 type", "/mode not_allowed",
          "/limits/cost range", "/limits/x~0~1y unknown_field", "/extra unknown_field",
        ])
  }

  @Test(arguments: [
    (#"{"prompt":"123456"}"#, "/prompt too_long"), (#"{"prompt":""}"#, "/prompt range"),
    (#"{"prompt":1}"#, "/prompt type"), (#"{"prompt":"a\u0000"}"#, "/prompt malformed"), ("[]", " type"),
    ("1", " type"),
    (#"{"prompt":"a","priority":"1"}"#, "/priority type"), (#"{"prompt":"a","priority":1.5}"#, "/priority range"),
    (#"{"prompt":"a","labels":["a","b","c"]}"#, "/labels too_long"), (#"{"prompt":"a","limits":[]}"#, "/limits type"),
  ])
  func `each fault has its pointer and code`(text: String, expected: String) throws {
    #expect(try faults(text) == [expected])
  }

  @Test func `a member that only looks like a known one is unknown`() throws {
    var fields = JSONFields(try JSONDocument(parsing: "{\"e\u{301}~\u{301}/\":1,\"\u{e9}\":2}").root)
    _ = fields.int("\u{e9}", in: 0...9)
    var pointers: [String] = []
    do { try fields.finish() } catch { pointers = error.faults.map(\.pointer) }
    #expect(pointers.map { Array($0.utf8) } == [Array("/e\u{301}~0\u{301}~1".utf8)])
  }

  @Test func `members beyond the first sixty-four are told apart`() throws {
    let text = "{" + (0..<70).map { "\"x\($0)\":\($0)" }.joined(separator: ",") + "}"
    var fields = JSONFields(try JSONDocument(parsing: text).root)
    for place in 0..<70 where place != 3 && place != 66 {
      #expect(fields.int("x\(place)", in: 0...100) == Int64(place))
    }
    #expect(fields.value("y") == nil)
    var pointers: [String] = []
    do { try fields.finish() } catch { pointers = error.faults.map(\.pointer) }
    #expect(pointers == ["/x3", "/x66"])
  }

  @Test func `of a key that is there twice the first is read`() throws {
    var limits = JSONLimits.standard
    limits.allowsDuplicateKeys = true
    var fields = JSONFields(try JSONDocument(parsing: #"{"a":1,"a":2,"b":null}"#, limits: limits).root)
    #expect(fields.int("a", in: 0...9) == 1)
    #expect(fields.value("b") == nil)
    try fields.finish()
  }

  @Test func `no more than twenty faults are kept`() throws {
    let many = (0..<50).map { "\"x\($0)\":0" }.joined(separator: ",")
    #expect(try faults("{\(many)}").count == 20)
  }
}

@Suite struct JSONWriterTests {
  @Test func `writes commas, escapes and numbers`() throws {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("a", "\"\\\u{01}\n\u{1f}é")
    writer.member("b", Int64.min)
    writer.member("c", 0.1)
    writer.member("d", Double.nan)
    writer.member("e", true)
    writer.member("f", ifPresent: String?.none)
    writer.key("g")
    writer.beginArray()
    writer.int(0)
    writer.double(3)
    writer.beginObject()
    writer.endObject()
    writer.raw(Array("[1]".utf8))
    writer.endArray()
    writer.endObject()
    #expect(
      String(decoding: writer.bytes, as: UTF8.self)
        == #"{"a":"\"\\\u0001\n\u001fé","b":-9223372036854775808,"c":0.1,"d":null,"e":true,"g":[0,3,{},[1]]}"#)
    _ = try JSONDocument(parsing: writer.bytes)
  }

  @Test func `canonical bytes of a view are those of its value, with no number rounded`() throws {
    func bytes(_ text: String, omitting omitted: Set<String> = []) throws -> String {
      String(decoding: try JSONDocument(parsing: text).root.canonicalBytes(omitting: omitted), as: UTF8.self)
    }
    let plain = #"{"b" : 1.0, "a":[1e0, "\u0041", null,true, -0.5, {"z":1,"y":[]}]}"#
    #expect(
      try bytes(plain) == String(decoding: JSONValue(JSONDocument(parsing: plain).root).canonicalBytes(), as: UTF8.self)
    )
    #expect(
      try bytes(#"{"b":12345678901234567890123,"a":[1e400,1e-400,0.10000000000000000001]}"#)
        == #"{"a":[1e400,1e-400,0.10000000000000000001],"b":12345678901234567890123}"#)
    #expect(try bytes(#"{"n":12345678901234567890123}"#) != bytes(#"{"n":12345678901234567890124}"#))
    #expect(try bytes(#"{"user":"x","a":{"user":1}}"#, omitting: ["user"]) == #"{"a":{"user":1}}"#)
  }

  @Test func `canonical bytes do not depend on order or spelling`() throws {
    let left = JSONValue(try JSONDocument(parsing: #"{ "b":1, "a":[1.0, "\u0041"] }"#).root)
    let right = JSONValue(try JSONDocument(parsing: #"{"a":[1.0,"A"],"b":1}"#).root)
    #expect(left.canonicalBytes() == right.canonicalBytes())
    #expect(String(decoding: left.canonicalBytes(), as: UTF8.self) == #"{"a":[1,"A"],"b":1}"#)
  }
}
