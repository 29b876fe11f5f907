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

  @Test(
    arguments: [
      [nil, "call_7_0"], ["call_7_1", nil], ["call_7_1", "", "call_7_1"], ["a", "a", "call_7_1", "call_7_2"],
      [String(repeating: "x", count: 300), "\u{0}", "call_7_0"],
    ] as [[String?]])
  func `no two calls of a turn have the same id`(ids: [String?]) throws {
    var writer = JSONWriter()
    writer.beginObject()
    writer.objects("tool_calls", ids) { id, writer in
      writer.member("id", ifPresent: id)
      writer.key("function")
      writer.beginObject()
      writer.member("name", "add")
      writer.endObject()
    }
    writer.endObject()
    let text = "{\"choices\":[{\"message\":\(String(decoding: writer.bytes, as: UTF8.self))}]}"
    guard case .calls(let calls)? = ModelAnswer(try JSONDocument(parsing: text).root, turn: 7)?.verdict else {
      return #expect(Bool(false))
    }
    #expect(Set(calls.map(\.id)).count == ids.count, "\(calls.map(\.id))")
    #expect(calls.allSatisfy { !$0.id.isEmpty })
  }

  @Test func `arguments that are cut off are not run, and journals of before are read as they were`() throws {
    #expect(try call("```json\n{\"n\":1", finish: "length") == nil)
    let old = try #require(try call("```json\n{\"n\":1}\n```", isStrict: true))
    #expect(!old.isWellFormed && old.arguments == "{}")
  }
}
