import JSON
import Testing

@testable import AgentLoop

/// Arguments as models write them.
@Suite struct ModelAnswerTests {
  private func call(_ arguments: String, finish: String = "tool_calls", isStrict: Bool = false) throws -> ToolCall? {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("name", "add")
    writer.member("arguments", arguments)
    writer.endObject()
    let text = """
      {"choices":[{"message":{"tool_calls":[{"id":"a","function":\(String(decoding: writer.bytes, as: UTF8.self))}]},\
      "finish_reason":"\(finish)"}]}
      """
    let answer = ModelAnswer(try JSONDocument(parsing: text).root, turn: 1, isStrict: isStrict)
    guard case .calls(let calls)? = answer?.verdict else { return nil }
    return calls.first
  }

  @Test(arguments: [
    (#"{"n": 1}"#, #"{"n": 1}"#), (" \n", "{}"), ("null", "{}"), ("```json\n{\"n\":1}\n```", #"{"n":1}"#),
    (#""{\"n\":1}""#, #"{"n":1}"#), ("{\"n\":\"a\nb\"}", #"{"n":"a\u000ab"}"#), (#"{"n":1,"n":2}"#, #"{"n":2}"#),
  ])
  func `the object that is meant is used`(written: String, meant: String) throws {
    let call = try #require(try call(written))
    #expect(call.isWellFormed && call.arguments == meant)
  }

  @Test(arguments: ["[1]", "1", "{\"n\":1", "{n}", "```\n```", "\"\""])
  func `what is no object is none`(written: String) throws {
    let call = try #require(try call(written))
    #expect(!call.isWellFormed && call.arguments == "{}")
  }

  @Test func `arguments that are cut off are not run, and journals of before are read as they were`() throws {
    #expect(try call("```json\n{\"n\":1", finish: "length") == nil)
    let old = try #require(try call("```json\n{\"n\":1}\n```", isStrict: true))
    #expect(!old.isWellFormed && old.arguments == "{}")
  }
}
