import Dialects
import HTTPWire
import JSON
import Testing

@Suite struct AnswerTests {
  private func same(_ bytes: [UInt8], _ expected: String, _ place: SourceLocation = #_sourceLocation) throws {
    let got = JSONValue(try JSONDocument(parsing: bytes).root).canonicalBytes()
    let want = JSONValue(try JSONDocument(parsing: expected).root).canonicalBytes()
    #expect(String(decoding: got, as: UTF8.self) == String(decoding: want, as: UTF8.self), sourceLocation: place)
  }

  private static let chat = """
    {"id":"chatcmpl-1","object":"chat.completion","created":5,"model":"x","choices":[{"index":0,"message":{
      "role":"assistant","content":"See:","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\\"a\\": 1}"}}]},
      "finish_reason":"tool_calls"}],"usage":{"prompt_tokens":100,"completion_tokens":7,"total_tokens":107,
      "prompt_tokens_details":{"cached_tokens":60}}}
    """

  @Test func `a chat completion as a message`() throws {
    try same(
      Answers.message(fromChat: try JSONDocument(parsing: AnswerTests.chat).root, model: "mine"),
      """
      {"id":"msg_1","type":"message","role":"assistant","model":"mine","content":[{"type":"text","text":"See:"},
        {"type":"tool_use","id":"c","name":"f","input":{"a":1}}],"stop_reason":"tool_use","stop_sequence":null,
       "usage":{"input_tokens":40,"cache_creation_input_tokens":0,"cache_read_input_tokens":60,"output_tokens":7}}
      """)
  }

  @Test func `a message as a chat completion`() throws {
    let message = """
      {"id":"msg_9","type":"message","role":"assistant","model":"x","content":[{"type":"thinking","thinking":"hm","signature":"s"},
        {"type":"text","text":"See:"},{"type":"tool_use","id":"c","name":"f","input":{"a":1}}],"stop_reason":"max_tokens",
       "stop_sequence":null,"usage":{"input_tokens":40,"cache_creation_input_tokens":5,"cache_read_input_tokens":60,"output_tokens":7}}
      """
    try same(
      Answers.chat(fromMessage: try JSONDocument(parsing: message).root, model: "mine", created: 5),
      """
      {"id":"chatcmpl-msg_9","object":"chat.completion","created":5,"model":"mine","choices":[{"index":0,"logprobs":null,
        "message":{"role":"assistant","content":"See:","refusal":null,"reasoning_content":"hm",
          "tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\\"a\\":1}"}}]},
        "finish_reason":"length"}],"usage":{"prompt_tokens":105,"completion_tokens":7,"total_tokens":112,
        "prompt_tokens_details":{"cached_tokens":60,"cache_write_tokens":5},"completion_tokens_details":{"reasoning_tokens":0}}}
      """)
  }

  @Test func `arguments that are no JSON stay visible`() throws {
    let chat = AnswerTests.chat.replacing("{\\\"a\\\": 1}", with: "{broken")
    let root = try JSONDocument(parsing: Answers.message(fromChat: try JSONDocument(parsing: chat).root, model: "m"))
      .root
    #expect(root["content"]?[1]?["input"]?["_invalid_json"]?.string == "{broken")
  }

  @Test func `a chat completion as a response`() throws {
    let bytes = Answers.response(fromChat: try JSONDocument(parsing: AnswerTests.chat).root, model: "mine", created: 5)
    let root = try JSONDocument(parsing: bytes).root
    #expect(root["status"]?.string == "completed" && root["object"]?.string == "response")
    #expect(root["output"]?[0]?["content"]?[0]?["text"]?.string == "See:")
    #expect(root["output"]?[1]?["call_id"]?.string == "c" && root["output"]?[1]?["arguments"]?.string == "{\"a\": 1}")
    #expect(root["usage"]?["input_tokens"]?.int == 100)
    #expect(root["usage"]?["input_tokens_details"]?["cached_tokens"]?.int == 60)
  }

  // MARK: Streams

  private func chunk(_ delta: String, _ finish: String = "null") -> ServerSentEvent {
    let text =
      #"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":\#(delta),"finish_reason":\#(finish)}]}"#
    return ServerSentEvent(data: Array(text.utf8))
  }

  private let usage = ServerSentEvent(
    data: Array(#"{"id":"chatcmpl-1","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":4}}"#.utf8))
  private let done = ServerSentEvent(data: Array("[DONE]".utf8))

  private func run(_ stream: some AnswerStream, _ events: [ServerSentEvent]) throws -> [ServerSentEvent] {
    var stream = stream
    var bytes: [UInt8] = []
    for event in events { _ = try stream.take(event, to: &bytes) }
    stream.finish(to: &bytes)
    var parser = ServerSentEventParser()
    return try parser.feed(bytes)
  }

  /// Reads a message stream as strictly as the official client does.
  private func blocks(_ events: [ServerSentEvent]) throws -> [String] {
    var blocks: [String] = []
    var open: Int64?
    for (index, event) in events.enumerated() {
      let root = try JSONDocument(parsing: event.data).root
      let type = try #require(root["type"]?.string)
      #expect(event.event == type)
      #expect((type == "message_start") == (index == 0))
      #expect((type == "message_stop") == (index == events.count - 1))
      switch type {
      case "content_block_start":
        #expect(open == nil && root["index"]?.int == Int64(blocks.count))
        open = root["index"]?.int
        let name = root["content_block"]?["name"]?.string
        blocks.append(name.map { $0 + ":" } ?? "")
      case "content_block_delta":
        let last = try #require(open.map { Int($0) })
        #expect(root["index"]?.int == open)
        blocks[last] += root["delta"]?["text"]?.string ?? root["delta"]?["partial_json"]?.string ?? ""
      case "content_block_stop":
        #expect(root["index"]?.int == open)
        open = nil
      default: #expect(open == nil || type == "ping")
      }
    }
    return blocks
  }

  @Test func `calls whose fragments interleave come as blocks one after the other`() throws {
    let events = try run(
      MessageStreamFromChat(model: "mine", promptEstimate: 12),
      [
        chunk(#"{"role":"assistant","content":""}"#), chunk(#"{"content":"Well"}"#), chunk(#"{"content":"!"}"#),
        chunk(#"{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}}]}"#),
        chunk(#"{"tool_calls":[{"index":1,"id":"b","type":"function","function":{"name":"g","arguments":"{"}}]}"#),
        chunk(#"{"tool_calls":[{"index":0,"function":{"arguments":"{\"x\":"}}]}"#),
        chunk(#"{"tool_calls":[{"index":1,"function":{"arguments":"}"}},{"index":0,"function":{"arguments":"1}"}}]}"#),
        chunk("{}", #""tool_calls""#), usage, done,
      ])
    #expect(try blocks(events) == ["Well!", #"f:{"x":1}"#, "g:{}"])
    let last = try JSONDocument(parsing: events[events.count - 2].data).root
    #expect(last["delta"]?["stop_reason"]?.string == "tool_use")
    #expect(last["usage"]?["input_tokens"]?.int == 9 && last["usage"]?["output_tokens"]?.int == 4)
  }

  @Test func `words after a call begin a block of their own, and nothing at all is a message too`() throws {
    let events = try run(
      MessageStreamFromChat(model: "mine", promptEstimate: 12),
      [
        chunk(#"{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]}"#),
        chunk(#"{"content":"so"}"#), chunk("{}", #""stop""#), done,
      ])
    #expect(try blocks(events) == ["f:{}", "so"])
    #expect(try blocks(try run(MessageStreamFromChat(model: "mine", promptEstimate: 1), [])).isEmpty)
  }

  @Test func `a message stream as chunks and back is the same`() throws {
    let source = [
      (
        "message_start",
        #"{"message":{"id":"msg_1","usage":{"input_tokens":5,"cache_read_input_tokens":2,"output_tokens":1}}}"#
      ),
      ("content_block_start", #"{"index":0,"content_block":{"type":"text","text":""}}"#),
      ("ping", "{}"), ("content_block_delta", #"{"index":0,"delta":{"type":"text_delta","text":"Hällo"}}"#),
      ("content_block_stop", #"{"index":0}"#),
      ("content_block_start", #"{"index":1,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}"#),
      ("content_block_delta", #"{"index":1,"delta":{"type":"input_json_delta","partial_json":"{\"a\""}}"#),
      ("content_block_delta", #"{"index":1,"delta":{"type":"input_json_delta","partial_json":":2}"}}"#),
      ("content_block_stop", #"{"index":1}"#),
      ("message_delta", #"{"delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":8}}"#), ("message_stop", "{}"),
    ].map { (name: String, body: String) -> ServerSentEvent in
      let comma = body == "{}" ? "" : ","
      return ServerSentEvent(event: name, data: Array(("{\"type\":\"" + name + "\"" + comma + body.dropFirst()).utf8))
    }
    let chunks = try run(ChatStreamFromMessages(model: "mine", created: 1, wantsUsage: true), source)
    #expect(chunks.last?.data == Array("[DONE]".utf8))
    let tail = try JSONDocument(parsing: chunks[chunks.count - 2].data).root
    #expect(tail["choices"]?.count == 0 && tail["usage"]?["prompt_tokens"]?.int == 7)
    #expect(tail["usage"]?["completion_tokens"]?.int == 8)
    let end = try JSONDocument(parsing: chunks[chunks.count - 3].data).root
    #expect(end["choices"]?[0]?["finish_reason"]?.string == "tool_calls" && end["usage"]?.isNull == true)
    let back = try run(MessageStreamFromChat(model: "mine", promptEstimate: 0), chunks)
    #expect(try blocks(back) == ["Hällo", #"f:{"a":2}"#])
  }

  @Test func `chunks as the events of a response`() throws {
    let events = try run(
      ResponseStreamFromChat(model: "mine", created: 3),
      [
        chunk(#"{"role":"assistant","content":""}"#), chunk(#"{"content":"Hi "}"#), chunk(#"{"content":"you"}"#),
        chunk(#"{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]}"#),
        chunk("{}", #""length""#), usage, done,
      ])
    let roots = try events.map { try JSONDocument(parsing: $0.data).root }
    #expect(roots.map { $0["sequence_number"]?.int } == (0..<Int64(roots.count)).map { $0 })
    #expect(zip(events, roots).allSatisfy { $0.event == $1["type"]?.string })
    #expect(events.first?.event == "response.created" && events.last?.event == "response.incomplete")
    let response = roots.last?["response"]
    #expect(response?["output"]?[0]?["content"]?[0]?["text"]?.string == "Hi you")
    #expect(response?["output"]?[1]?["name"]?.string == "f")
    #expect(response?["usage"]?["total_tokens"]?.int == 13)
    #expect(response?["incomplete_details"]?["reason"]?.string == "max_output_tokens")
  }

  @Test func `an error event or garbage ends a stream with its cause`() throws {
    var bytes: [UInt8] = []
    var chat = MessageStreamFromChat(model: "m", promptEstimate: 0)
    let fault = #expect(throws: StreamFault.self) {
      try chat.take(
        ServerSentEvent(data: Array(#"{"error":{"message":"overloaded","code":"x"}}"#.utf8)), to: &bytes)
    }
    #expect(fault == StreamFault(code: "x", message: "overloaded"))
    var messages = ChatStreamFromMessages(model: "m", created: 0, wantsUsage: false)
    #expect(throws: StreamFault.self) {
      try messages.take(
        ServerSentEvent(
          event: "error", data: Array(#"{"type":"error","error":{"type":"overloaded_error","message":"o"}}"#.utf8)),
        to: &bytes)
    }
    #expect(throws: StreamFault.self) { try messages.take(ServerSentEvent(data: Array("<html>".utf8)), to: &bytes) }
  }

  @Test func `errors have the shape of their dialect`() throws {
    let open = try JSONDocument(
      parsing: Dialect.chat.error(status: 404, code: "model_not_found", message: "no", parameter: "model", id: "r")
    ).root
    #expect(open["error"]?["code"]?.string == "model_not_found" && open["error"]?["param"]?.string == "model")
    let other = try JSONDocument(
      parsing: Dialect.messages.error(status: 529, code: "c", message: "no", parameter: nil, id: "r")
    ).root
    #expect(other["type"]?.string == "error" && other["error"]?["type"]?.string == "overloaded_error")
    for dialect in Dialect.allCases {
      var parser = ServerSentEventParser()
      let events = try parser.feed(dialect.errorEvent(status: 502, code: "c", message: "line\nbreak", id: "r"))
      #expect(events.count == 1)
    }
  }
}
