import Dialects
import HTTPWire
import JSON
import Testing

/// Tools get their names and forms back.
@Suite struct ToolNameTests {
  private let long = String(repeating: "long_", count: 20)

  private func names() -> (map: NameMap, long: String, patch: String, nested: String) {
    var map = NameMap()
    let long = map.wireName(ToolIdentity(name: long))
    let patch = map.wireName(ToolIdentity(name: "apply_patch", form: .custom))
    let nested = map.wireName(ToolIdentity(name: "spawn", namespace: "agents"))
    return (map, long, patch, nested)
  }

  private func calls(_ names: [String]) -> String {
    names.enumerated().map { index, name in
      #"{"index":\#(index),"id":"c\#(index)","function":{"name":"\#(name)","arguments":"{\"input\":\"*** \u00e9\\n\"}"}}"#
    }.joined(separator: ",")
  }

  @Test func `custom tools, namespaces and long names are undone, whole and streamed`() throws {
    let (map, long, patch, nested) = names()
    let context = AnswerPlay.context(map)
    let calls = calls([long, patch, nested])
    let body = #"{"choices":[{"message":{"tool_calls":[\#(calls)]},"finish_reason":"tool_calls"}]}"#
    let streamed = try AnswerPlay.seen(
      [AnswerPlay.call(calls), AnswerPlay.chunk("{}", "stop")], to: .responses, context)
    for seen in [try AnswerPlay.whole(body, to: .responses, context), streamed] {
      #expect(seen.calls[0].name == self.long && !seen.calls[0].isCustom && seen.calls[0].namespace == nil)
      #expect(seen.calls[1].name == "apply_patch" && seen.calls[1].isCustom && seen.calls[1].arguments == "*** é\n")
      #expect(seen.calls[2].name == "spawn" && seen.calls[2].namespace == "agents" && !seen.calls[2].isCustom)
    }
    #expect(try AnswerPlay.whole(body, to: .messages, context).names[0] == self.long)
    let toMessages = try AnswerPlay.seen([AnswerPlay.call(calls)], to: .messages, context)
    #expect(toMessages.names[0] == self.long)
  }

  @Test func `a custom tool whose arguments are not what was asked gets all of them`() throws {
    let (map, _, patch, _) = names()
    let call = #"{"index":0,"id":"c","function":{"name":"\#(patch)","arguments":"*** Begin"}}"#
    let seen = try AnswerPlay.seen([AnswerPlay.call(call)], to: .responses, AnswerPlay.context(map))
    #expect(seen.arguments == ["*** Begin"] && seen.calls[0].isCustom)
  }

  @Test func `in the caller's own dialect only the names change`() throws {
    let (map, long, _, _) = names()
    let body =
      #"{ "model":"x", "choices":[{"message":{"tool_calls":[{"function":{"name":"\#(long)","arguments":"{}"}}]}}], "n":1.0 }"#
    let answer = try #require(ProviderJSON(Array(body.utf8)))
    let made = Answers.own(Array(body.utf8), answer, .chat, AnswerPlay.context(map))
    #expect(String(decoding: made, as: UTF8.self) == body.replacing(long, with: self.long))
    let start =
      #"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"\#(long)","input":{}}}"#
    let event = try #require(ProviderJSON(Array(start.utf8)))
    let changed = try #require(Answers.own(event: event, .messages, map))
    #expect(String(decoding: changed, as: UTF8.self) == start.replacing(long, with: self.long))
    #expect(Answers.own(event: event, .messages, NameMap()) == nil)
  }
}
