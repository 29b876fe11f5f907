import Dialects
import HTTPWire
import JSON
import Pricing
import Testing

/// Providers of messages, and those who imitate them.
@Suite struct MessageOddityTests {
  static let callers: [Dialect] = [.chat, .responses, .messages]

  private let start =
    #"{"type":"message_start","message":{"id":"msg_1","content":[],"usage":{"input_tokens":5,"cache_read_input_tokens":2,"output_tokens":1}}}"#
  private func end(_ reason: String = "tool_use") -> [String] {
    [
      #"{"type":"message_delta","delta":{"stop_reason":"\#(reason)"},"usage":{"output_tokens":8}}"#,
      #"{"type":"message_stop"}"#,
    ]
  }
  private func block(_ index: Int, _ block: String, _ deltas: [String] = [], isClosed: Bool = true) -> [String] {
    [#"{"type":"content_block_start","index":\#(index),"content_block":\#(block)}"#]
      + deltas.map { #"{"type":"content_block_delta","index":\#(index),"delta":\#($0)}"# }
      + (isClosed ? [#"{"type":"content_block_stop","index":\#(index)}"#] : [])
  }
  private func json(_ fragment: String) -> String {
    var writer = JSONWriter()
    writer.string(fragment)
    return #"{"type":"input_json_delta","partial_json":\#(String(decoding: writer.bytes, as: UTF8.self))}"#
  }

  @Test(arguments: callers)
  func `an ordinary stream`(_ dialect: Dialect) throws {
    let seen = try AnswerPlay.seen(
      [start, #"{"type":"ping"}"#]
        + block(
          0, #"{"type":"thinking","thinking":"","signature":""}"#,
          [#"{"type":"thinking_delta","thinking":"hm"}"#, #"{"type":"signature_delta","signature":"SIG"}"#])
        + block(1, #"{"type":"text","text":""}"#, [#"{"type":"text_delta","text":"Hällo"}"#])
        + block(2, #"{"type":"tool_use","id":"t","name":"f","input":{}}"#, [json(""), json("{\"a\""), json(":2}")])
        + end(), from: .messages, to: dialect)
    #expect(seen.order == ["thoughts", "text", "call"])
    #expect(seen.thoughts == "hm" && seen.signatures == ["SIG"] && seen.text == "Hällo")
    #expect(seen.calls == [.init(id: "t", name: "f", arguments: #"{"a":2}"#)])
    #expect(seen.output == 8 && seen.input == (dialect == .messages ? 5 : 7))
  }

  @Test(arguments: callers)
  func `a tool without arguments has an empty object`(_ dialect: Dialect) throws {
    for deltas in [[], [json("")], [json("{}")]] {
      let seen = try AnswerPlay.seen(
        [start] + block(0, #"{"type":"tool_use","id":"t","name":"snooze","input":{}}"#, deltas) + end(),
        from: .messages,
        to: dialect)
      #expect(seen.arguments == ["{}"])
    }
  }

  @Test(arguments: callers)
  func `an input may stand at the start of its block`(_ dialect: Dialect) throws {
    let seen = try AnswerPlay.seen(
      [start] + block(0, #"{"type":"tool_use","id":"t","name":"f","input":{"n":1.0}}"#)
        + block(1, #"{"type":"tool_use","id":"u","name":"g","input":{}}"#, [json("{\"b\":1}")]) + end(),
      from: .messages,
      to: dialect)
    #expect(seen.arguments == [#"{"n":1.0}"#, #"{"b":1}"#])
  }

  @Test(arguments: callers)
  func `blocks may lack their ends, the message its begin and its reason`(_ dialect: Dialect) throws {
    let seen = try AnswerPlay.seen(
      block(0, #"{"type":"text","text":"Let "}"#, [#"{"type":"text_delta","text":"me"}"#], isClosed: false)
        + block(1, #"{"type":"tool_use","id":"t","name":"f","input":{}}"#, [json("{\"a\":1}")], isClosed: false)
        + block(2, #"{"type":"tool_use","id":"u","name":"g","input":{}}"#, [], isClosed: false)
        + [#"{"type":"message_stop"}"#], from: .messages, to: dialect)
    #expect(seen.text == "Let me" && seen.names == ["f", "g"] && seen.arguments == [#"{"a":1}"#, "{}"])
    #expect(["tool_use", "tool_calls", "completed"].contains(seen.finish))
  }

  @Test(arguments: callers)
  func `what runs at the provider is left out`(_ dialect: Dialect) throws {
    let seen = try AnswerPlay.seen(
      [start]
        + block(0, #"{"type":"server_tool_use","id":"s","name":"web_search","input":{}}"#, [json("{\"query\":\"x\"}")])
        + block(1, #"{"type":"web_search_tool_result","tool_use_id":"s","content":[]}"#)
        + block(
          2, #"{"type":"text","text":""}"#, [#"{"type":"text_delta","text":"a"}"#, #"{"type":"citations_delta"}"#])
        + block(3, #"{"type":"text","text":""}"#, [#"{"type":"text_delta","text":"b"}"#]) + end("end_turn"),
      from: .messages, to: dialect)
    #expect(seen.text == "ab" && seen.order == ["text"] && seen.calls.isEmpty)
  }

  @Test func `thoughts that are redacted keep their signature`() throws {
    let data =
      [start] + block(0, #"{"type":"thinking","thinking":""}"#, [#"{"type":"signature_delta","signature":"S1"}"#])
      + block(1, #"{"type":"redacted_thinking","data":"DATA"}"#)
      + block(
        2, #"{"type":"thinking","thinking":""}"#,
        [#"{"type":"thinking_delta","thinking":"b"}"#, #"{"type":"signature_delta","signature":"S2"}"#])
      + block(3, #"{"type":"text","text":"x"}"#) + end("end_turn")
    #expect(try AnswerPlay.seen(data, from: .messages, to: .messages).signatures == ["S1", "DATA", "S2"])
    #expect(try AnswerPlay.seen(data, from: .messages, to: .chat).signatures == ["S1", "DATA", "S2"])
    let proofs = try AnswerPlay.seen(data, from: .messages, to: .responses).signatures
    #expect(proofs == ["S1", ReasoningSignature.redacted("DATA"), "S2"])
  }

  @Test func `events may have their type in the name only`() throws {
    var stream: [UInt8] = []
    for (name, data) in [
      ("message_start", #"{"message":{"id":"msg_1"}}"#),
      ("content_block_start", #"{"index":0,"content_block":{"type":"text","text":""}}"#),
      ("content_block_delta", #"{"index":0,"delta":{"type":"text_delta","text":"hi"}}"#),
      ("message_delta", #"{"delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":3}}"#), ("message_stop", "{}"),
    ] {
      ServerSentEvent(event: name, data: Array(data.utf8)).append(to: &stream)
    }
    let seen = try StrictReader.read(try AnswerPlay.bytes(stream: [stream], from: .messages, to: .chat), .chat)
    #expect(seen.text == "hi" && seen.output == 3)
  }

  @Test(arguments: [
    #"{"input_tokens":0,"output_tokens":40}"#, #"{"input_tokens":null,"output_tokens":40}"#, #"{"output_tokens":40}"#,
  ])
  func `a usage of zero or null at the end takes nothing back`(_ usage: String) throws {
    let seen = try AnswerPlay.seen(
      [#"{"type":"message_start","message":{"id":"m","usage":{"input_tokens":1200,"output_tokens":1}}}"#]
        + block(0, #"{"type":"text","text":"hi"}"#)
        + [
          #"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":\#(usage)}"#,
          #"{"type":"message_stop"}"#,
        ],
      from: .messages, to: .chat)
    #expect(seen.input == 1200 && seen.output == 40)
  }

  @Test(arguments: [
    ("end_turn", "stop"), ("stop_sequence", "stop"), ("pause_turn", "stop"), ("max_tokens", "length"),
    ("model_context_window_exceeded", "length"), ("tool_use", "stop"), ("refusal", "content_filter"),
  ])
  func `stop reasons as finish reasons of chat`(_ reason: String, _ expected: String) throws {
    let data = [start] + block(0, #"{"type":"text","text":"hi"}"#) + end(reason)
    #expect(try AnswerPlay.seen(data, from: .messages, to: .chat).finish == expected)
    let body = #"{"content":[{"type":"text","text":"hi"}],"stop_reason":"\#(reason)"}"#
    #expect(try AnswerPlay.whole(body, from: .messages, to: .chat).finish == expected)
  }
}
