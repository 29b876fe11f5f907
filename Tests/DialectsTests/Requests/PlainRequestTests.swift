import Dialects
import JSON
import Testing

/// Requests of which nothing but the model's name, the bound's name and the usage of a stream is put in place.
@Suite struct PlainRequestTests {
  private static let talk = #""messages":[{"role":"user","content":"x"}]"#

  private func made(_ text: String, _ rules: ProviderRules, cap: Int64? = nil) throws -> String {
    let target = RequestTarget(model: "there", outputTokensCap: cap, rules: rules)
    let made = try RequestTranslator.request(JSONDocument(parsing: text).root, from: .chat, to: .chat, target)
    #expect(made.dropped.isEmpty)
    return String(decoding: made.bytes, as: UTF8.self)
  }

  @Test func `the bound gets the provider's name for it`() throws {
    let talk = Self.talk
    let text = #"{"max_tokens":5,"model":"here",\#(talk)}"#
    #expect(try made(text, .openai) == #"{"model":"there",\#(talk),"max_completion_tokens":5}"#)
    #expect(try made(text, .compatible) == #"{"model":"there","max_tokens":5,\#(talk)}"#)
    let both = #"{"model":"here","max_tokens":5,"max_completion_tokens":4,\#(talk)}"#
    #expect(try made(both, .openai) == #"{"model":"there","max_completion_tokens":4,\#(talk)}"#)
    let null = #"{"model":"here","max_tokens":5,"max_completion_tokens":null,\#(talk)}"#
    #expect(try made(null, .openai) == #"{"model":"there","max_completion_tokens":5,\#(talk)}"#)
  }

  @Test func `a stream is asked for its usage`() throws {
    let talk = Self.talk
    let usage = #""stream_options":{"include_usage":true}"#
    let text = #"{"model":"here","stream":true,"max_tokens":5,\#(talk)}"#
    #expect(try made(text, .openai) == #"{"model":"there","stream":true,\#(talk),\#(usage),"max_completion_tokens":5}"#)
    let asked = #"{"model":"here","stream":true,"stream_options":{"other":1,"include_usage":false},\#(talk)}"#
    #expect(
      try made(asked, .openai)
        == #"{"model":"there","stream":true,\#(talk),"stream_options":{"other":1,"include_usage":true}}"#)
    let whole = #"{"model":"here","stream":false,\#(talk)}"#
    #expect(try made(whole, .openai) == #"{"model":"there","stream":false,\#(talk)}"#)
  }

  @Test func `a bound is put in where none is`() throws {
    let talk = Self.talk
    let text = #"{"model":"here","max_tokens":null,\#(talk)}"#
    #expect(
      try made(text, .openai, cap: 9) == #"{"model":"there","max_tokens":null,\#(talk),"max_completion_tokens":9}"#)
  }
}
