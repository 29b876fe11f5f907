import Dialects
import HTTPWire
import JSON
import Testing

/// A whole answer becomes a stream and the stream the same answer again.
@Suite struct ShapeTests {
  private func there(_ text: String, _ wire: Dialect) throws -> JSONView {
    let root = try JSONDocument(parsing: text).root
    var collector = WholeFromEvents(wire)
    for event in EventsFromWhole.events(root, wire) { try collector.take(event) }
    return try JSONDocument(parsing: try #require(collector.bytes)).root
  }

  @Test func `chat completions`() throws {
    let text = #"""
      {"id":"c","object":"chat.completion","created":7,"model":"m","choices":[{"index":0,"message":{"role":"assistant",
      "content":"hello","reasoning_content":"hm","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}},
      {"id":"b","type":"function","function":{"name":"g","arguments":"{}"}}]},"finish_reason":"tool_calls"},
      {"index":1,"message":{"role":"assistant","content":null},"finish_reason":"length"}],"usage":{"prompt_tokens":3,"completion_tokens":4}}
      """#
    let back = try there(text, .chat)
    let message = try #require(back["choices"]?[0]?["message"])
    #expect(message["content"]?.string == "hello" && message["reasoning_content"]?.string == "hm")
    #expect(message["tool_calls"]?.count == 2)
    #expect(message["tool_calls"]?[0]?["function"]?["arguments"]?.string == #"{"x":1}"#)
    #expect(message["tool_calls"]?[1]?["id"]?.string == "b")
    #expect(back["choices"]?[0]?["finish_reason"]?.string == "tool_calls")
    #expect(back["choices"]?[1]?["message"]?["content"]?.isNull == true)
    #expect(back["choices"]?[1]?["finish_reason"]?.string == "length")
    #expect(back["usage"]?["completion_tokens"]?.int == 4 && back["id"]?.string == "c" && back["created"]?.int == 7)
  }

  @Test func `messages`() throws {
    let text = #"""
      {"id":"m","type":"message","role":"assistant","model":"x","content":[{"type":"thinking","thinking":"hm","signature":"s"},
      {"type":"text","text":"hello"},{"type":"tool_use","id":"t","name":"f","input":{"a":[1,2]}}],"stop_reason":"tool_use",
      "stop_sequence":null,"usage":{"input_tokens":9,"output_tokens":4,"cache_read_input_tokens":5}}
      """#
    let back = try there(text, .messages)
    let same = try JSONDocument(parsing: text).root
    #expect(
      JSONValue(try #require(back["content"])).canonicalBytes()
        == JSONValue(try #require(same["content"])).canonicalBytes())
    #expect(back["stop_reason"]?.string == "tool_use" && back["usage"]?["cache_read_input_tokens"]?.int == 5)
    #expect(back["usage"]?["output_tokens"]?.int == 4)
  }

  @Test func `responses`() throws {
    let text = #"""
      {"id":"r","object":"response","status":"completed","output":[{"id":"i","type":"message","role":"assistant","status":"completed",
      "content":[{"type":"output_text","text":"hello","annotations":[]}]},{"id":"f","type":"function_call","call_id":"c","name":"g",
      "arguments":"{}","status":"completed"}],"usage":{"input_tokens":1,"output_tokens":2}}
      """#
    let back = try there(text, .responses)
    #expect(JSONValue(back).canonicalBytes() == JSONValue(try JSONDocument(parsing: text).root).canonicalBytes())
    let events = EventsFromWhole.events(back, .responses).compactMap(\.event)
    #expect(events.first == "response.created" && events.last == "response.completed")
    #expect(events.contains("response.output_text.delta") && events.contains("response.function_call_arguments.done"))
  }

  @Test(arguments: [Dialect.chat, .messages, .responses])
  func `what is no answer makes no stream and no answer`(_ wire: Dialect) throws {
    for text in [
      "{}", #"{"choices":[],"content":[],"output":[]}"#, #"{"choices":[1],"content":["x"],"output":[null]}"#,
    ] {
      let root = try JSONDocument(parsing: text).root
      for event in EventsFromWhole.events(root, wire) where !event.data.elementsEqual("[DONE]".utf8) {
        _ = try JSONDocument(parsing: event.data)
      }
    }
    #expect(WholeFromEvents(wire).bytes == nil)
  }

  @Test func `calls without an index, with repeated ids and in pieces`() throws {
    var collector = WholeFromEvents(.chat)
    for call in [
      #"{"id":"a","function":{"name":"f","arguments":"{"}}"#, #"{"function":{"arguments":"}"}}"#,
      #"{"id":"b","function":{"name":"g","arguments":"{}"}}"#,
    ] {
      let text = #"{"choices":[{"index":0,"delta":{"tool_calls":[\#(call)]}}]}"#
      try collector.take(ServerSentEvent(data: Array(text.utf8)))
    }
    let calls = try JSONDocument(parsing: try #require(collector.bytes)).root["choices"]?[0]?["message"]?["tool_calls"]
    #expect(calls?.count == 2 && calls?[0]?["function"]?["arguments"]?.string == "{}")
    #expect(calls?[1]?["function"]?["name"]?.string == "g")
  }

  @Test func `calls of servers with habits, lists of parts and digits are kept`() throws {
    var collector = WholeFromEvents(.chat, unique: "00ff")
    for delta in [
      #"{"content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":"4\ud83d"}]}"#,
      #"{"content":[{"type":"text","text":"\ude002"}],"refusal":"no"}"#,
      #"{"tool_calls":[{"index":0,"function":{"name":"f","arguments":"{\"n\":1.0}"}}]}"#,
      #"{"tool_calls":[{"index":0,"function":{"name":"g","arguments":{"n":12345678901234567890}}}]}"#,
    ] {
      let text = #"{"choices":[{"index":0,"delta":\#(delta)}]}"#
      try collector.take(ServerSentEvent(data: Array(text.utf8)))
    }
    let message = try JSONDocument(parsing: try #require(collector.bytes)).root["choices"]?[0]?["message"]
    #expect(message?["content"]?.string == "4\u{1F600}2" && message?["reasoning_content"]?.string == "hm")
    #expect(message?["refusal"]?.string == "no" && message?["tool_calls"]?.count == 2)
    #expect(message?["tool_calls"]?[0]?["id"]?.string?.contains("00ff") == true)
    #expect(message?["tool_calls"]?[0]?["function"]?["arguments"]?.string == #"{"n":1.0}"#)
    #expect(message?["tool_calls"]?[1]?["function"]?["arguments"]?.string == #"{"n":12345678901234567890}"#)
    let whole =
      #"{"id":"m","content":[{"type":"tool_use","id":"t","name":"f","input":{"n":1.0,"b":12345678901234567890}}]}"#
    let block = try there(whole, .messages)["content"]?[0]
    #expect(
      block.map { String(decoding: $0.rawBytes, as: UTF8.self) }?.contains(#"{"n":1.0,"b":12345678901234567890}"#)
        == true)
  }

  @Test func `a stream of text completions is one`() throws {
    var collector = WholeFromEvents(.completions)
    for text in [
      #"{"choices":[{"index":0,"text":"a"}]}"#, #"{"choices":[{"index":0,"text":"b","finish_reason":"stop"}]}"#,
    ] {
      try collector.take(ServerSentEvent(data: Array(text.utf8)))
    }
    let root = try JSONDocument(parsing: try #require(collector.bytes)).root
    #expect(root["choices"]?[0]?["text"]?.string == "ab" && root["object"]?.string == "text_completion")
  }
}
