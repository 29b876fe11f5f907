import Dialects
import HTTPWire
import JSON
import Pricing
import Testing

/// Whole answers and streams where nothing is odd, and what all dialects share.
@Suite struct AnswerTests {
  private static let chat = """
    {"id":"chatcmpl-1","object":"chat.completion","created":5,"model":"x","choices":[{"index":0,"message":{
      "role":"assistant","content":"See:","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\\"a\\": 1}"}}]},
      "finish_reason":"tool_calls"}],"usage":{"prompt_tokens":100,"completion_tokens":7,"total_tokens":107,
      "prompt_tokens_details":{"cached_tokens":60}}}
    """
  private static let message = """
    {"id":"msg_9","type":"message","role":"assistant","model":"x","content":[
      {"type":"thinking","thinking":"hm","signature":"s"},{"type":"redacted_thinking","data":"zz"},
      {"type":"text","text":"See:"},{"type":"tool_use","id":"c","name":"f","input":{"a":1.0}}],"stop_reason":"max_tokens",
     "stop_sequence":null,"usage":{"input_tokens":40,"cache_creation_input_tokens":5,"cache_read_input_tokens":60,"output_tokens":7}}
    """

  private func same(_ bytes: [UInt8], _ expected: String, _ place: SourceLocation = #_sourceLocation) throws {
    let got = JSONValue(try JSONDocument(parsing: bytes).root).canonicalBytes()
    let want = JSONValue(try JSONDocument(parsing: expected).root).canonicalBytes()
    #expect(String(decoding: got, as: UTF8.self) == String(decoding: want, as: UTF8.self), sourceLocation: place)
  }

  // MARK: Whole

  @Test func `a chat completion as a message`() throws {
    try same(
      AnswerPlay.wholeBytes(AnswerTests.chat, to: .messages),
      """
      {"id":"msg_1_00ff","type":"message","role":"assistant","model":"mine","content":[{"type":"text","text":"See:"},
        {"type":"tool_use","id":"c","name":"f","input":{"a":1}}],"stop_reason":"tool_use","stop_sequence":null,
       "usage":{"input_tokens":40,"cache_creation_input_tokens":0,"cache_read_input_tokens":60,"output_tokens":7}}
      """)
  }

  @Test func `a message as a chat completion`() throws {
    try same(
      AnswerPlay.wholeBytes(AnswerTests.message, from: .messages, to: .chat),
      """
      {"id":"chatcmpl-9_00ff","object":"chat.completion","created":5,"model":"mine","choices":[{"index":0,"logprobs":null,
        "message":{"role":"assistant","content":"See:","refusal":null,"reasoning_content":"hm","reasoning_details":[
          {"type":"reasoning.text","text":"hm","signature":"s","format":"anthropic-claude-v1"},
          {"type":"reasoning.encrypted","data":"zz","format":"anthropic-claude-v1"}],
          "tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\\"a\\":1.0}"}}]},
        "finish_reason":"length"}],"usage":{"prompt_tokens":105,"completion_tokens":7,"total_tokens":112,
        "prompt_tokens_details":{"cached_tokens":60,"cache_write_tokens":5},"completion_tokens_details":{"reasoning_tokens":0}}}
      """)
  }

  @Test func `a chat completion as a response`() throws {
    let root = try JSONDocument(parsing: AnswerPlay.wholeBytes(AnswerTests.chat, to: .responses)).root
    #expect(root["status"]?.string == "completed" && root["object"]?.string == "response")
    #expect(root["output"]?[0]?["content"]?[0]?["text"]?.string == "See:")
    #expect(root["output"]?[1]?["call_id"]?.string == "c" && root["output"]?[1]?["arguments"]?.string == "{\"a\": 1}")
    #expect(root["usage"]?["input_tokens"]?.int == 100)
    #expect(root["usage"]?["input_tokens_details"]?["cached_tokens"]?.int == 60)
  }

  @Test func `a message as a response has its thoughts`() throws {
    let root = try JSONDocument(parsing: AnswerPlay.wholeBytes(AnswerTests.message, from: .messages, to: .responses))
      .root
    #expect(root["output"]?[0]?["type"]?.string == "reasoning")
    #expect(root["output"]?[0]?["summary"]?[0]?["text"]?.string == "hm")
    #expect(root["output"]?[0]?["encrypted_content"]?.string == ReasoningSignature.signed("s"))
    let hidden = root["output"]?[1]?["encrypted_content"]?.string
    #expect(hidden.flatMap { ReasoningSignature.redactedData($0) } == "zz")
    #expect(root["output"]?[2]?["content"]?[0]?["text"]?.string == "See:")
    #expect(root["incomplete_details"]?["reason"]?.string == "max_output_tokens")
  }

  @Test func `a response repeats what was asked`() throws {
    let request = """
      {"model":"m","input":"x","instructions":"Be brief.","metadata":{"a":"b"},"tool_choice":"required","temperature":0.50,
       "tools":[{"type":"function","name":"f","parameters":{}}],"text":{"verbosity":"low"},"max_output_tokens":9}
      """
    let echo = ResponseEcho(try JSONDocument(parsing: request).root)
    let context = AnswerPlay.context(echo: echo)
    let whole = try JSONDocument(parsing: AnswerPlay.wholeBytes(AnswerTests.chat, to: .responses, context)).root
    let stream = try AnswerPlay.bytes([AnswerPlay.chunk(#"{"content":"a"}"#, "stop")], to: .responses, context)
    var parser = ServerSentEventParser()
    let events = try parser.feed(stream).compactMap { try JSONDocument(parsing: $0.data).root["response"] }
    #expect(events.count == 3)
    for response in [whole] + events {
      #expect(response["instructions"]?.string == "Be brief." && response["metadata"]?["a"]?.string == "b")
      #expect(response["tool_choice"]?.string == "required" && response["tools"]?.count == 1)
      #expect(response["text"]?["verbosity"]?.string == "low" && response["max_output_tokens"]?.int == 9)
      #expect(response["temperature"].map { String(decoding: $0.rawBytes, as: UTF8.self) } == "0.50")
      #expect(response["parallel_tool_calls"]?.bool == true && response["top_p"]?.isNull == true)
    }
  }

  @Test func `usage that is not reported is the estimate of the ledger`() throws {
    let data = [AnswerPlay.chunk(#"{"content":"hi there"}"#), AnswerPlay.chunk("{}", "stop")]
    for dialect in ChatOddityTests.callers {
      let seen = try AnswerPlay.seen(data, to: dialect)
      #expect(seen.input == 12 && seen.output == 3)
      let whole = try AnswerPlay.whole(
        #"{"choices":[{"message":{"content":"hi there"},"finish_reason":"stop"}]}"#, to: dialect)
      #expect(whole.input == 12 && whole.output == 3)
    }
  }

  @Test(arguments: [
    "-5", "9223372036854775807", "1e300", "\"7\"", "null", "[]", "{}", "4611686018427387904", "99999999999999999999999",
  ])
  func `nonsense for usage is no reason to stumble`(_ number: String) throws {
    let usage =
      #"{"prompt_tokens":\#(number),"completion_tokens":\#(number),"total_tokens":\#(number),"#
      + #""prompt_tokens_details":{"cached_tokens":\#(number)}}"#
    let chunk = #"{"choices":[{"index":0,"delta":{"content":"hi there"},"finish_reason":"stop"}],"usage":\#(usage)}"#
    let body = #"{"choices":[{"message":{"content":"hi there"},"finish_reason":"stop"}],"usage":\#(usage)}"#
    for dialect in ChatOddityTests.callers {
      for seen in [try AnswerPlay.seen([chunk], to: dialect), try AnswerPlay.whole(body, to: dialect)] {
        #expect(seen.input == 12 && seen.output == 3)
      }
    }
    let message =
      #"{"content":[{"type":"text","text":"hi there"}],"stop_reason":"end_turn","usage":{"input_tokens":\#(number),"output_tokens":\#(number),"cache_read_input_tokens":\#(number)}}"#
    let seen = try AnswerPlay.whole(message, from: .messages, to: .chat)
    #expect(seen.input == 12 && seen.output == 3)
  }

  @Test(arguments: [
    #"{"choices":[{"index":0,"delta":{},"finish_reason":"stop","usage":{"prompt_tokens":9,"completion_tokens":4}}]}"#,
    #"{"choices":[],"x_groq":{"usage":{"prompt_tokens":9,"completion_tokens":4}}}"#,
    #"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":4}}"#,
  ])
  func `usage is found where servers hide it`(_ last: String) throws {
    let seen = try AnswerPlay.seen([AnswerPlay.chunk(#"{"content":"hi"}"#, "stop"), last], to: .messages)
    #expect(seen.input == 9 && seen.output == 4)
  }

  @Test(arguments: ["c", "", "chatcmpl-123", "chatcmpl-0123456789abcdef", "msg_0123456789abcdef"])
  func `ids that a server repeats become unique`(_ given: String) throws {
    let body = #"{"id":"\#(given)","choices":[{"message":{"content":"a"},"finish_reason":"stop"}]}"#
    for (dialect, prefix) in [(Dialect.messages, "msg_"), (.responses, "resp_"), (.chat, "chatcmpl-")] {
      let ids = try ["1", "2"].map { unique in
        var context = AnswerPlay.context()
        context.unique = unique
        return try JSONDocument(parsing: AnswerPlay.wholeBytes(body, to: dialect, context)).root["id"]?.string ?? ""
      }
      #expect(ids.allSatisfy { $0.hasPrefix(prefix) && $0.count > prefix.count })
      #expect((ids[0] == ids[1]) == given.hasSuffix("0123456789abcdef"))
    }
  }

  // MARK: The caller's own dialect

  @Test func `an answer in the caller's own dialect stays as it is, to the byte`() throws {
    let body = Array("{ \"model\" : \"x\" , \"choices\" : [ ] , \"n\" : 1.0 }".utf8)
    let answer = try #require(ProviderJSON(body))
    #expect(Answers.own(body, answer, .chat, AnswerPlay.context()) == body)
  }

  @Test(arguments: [#"{"choices":[]}"#, #"{"model":"","choices":[]}"#, #"{"model":null,"choices":[]}"#])
  func `a model that is not named gets the name that was asked`(_ text: String) throws {
    let answer = try #require(ProviderJSON(Array(text.utf8)))
    let made = Answers.own(Array(text.utf8), answer, .chat, AnswerPlay.context())
    let root = try JSONDocument(parsing: made).root
    #expect(root["model"]?.string == "mine" && root["choices"]?.count == 0 && root.count == 2)
  }

  // MARK: Outcomes

  @Test(arguments: [
    (Dialect.chat, #"{"choices":[{"message":{"content":null},"finish_reason":"content_filter"}]}"#, "empty filtered"),
    (.chat, #"{"choices":[{"message":{"content":" \n"},"finish_reason":"stop"}]}"#, "empty"),
    (
      .chat, #"{"choices":[{"message":{"content":null,"reasoning_content":"hm"},"finish_reason":"length"}]}"#,
      "empty cut"
    ),
    (.chat, #"{"choices":[{"message":{"content":"half a"},"finish_reason":"length"}]}"#, "cut"),
    (.chat, #"{"choices":[{"message":{"refusal":"no"},"finish_reason":"stop"}]}"#, ""),
    (.chat, #"{"choices":[{"message":{"tool_calls":[{"id":"a"}]},"finish_reason":"stop"}]}"#, ""),
    (.messages, #"{"content":[],"stop_reason":"refusal"}"#, "empty filtered"),
    (.messages, #"{"content":[{"type":"thinking","thinking":"hm"}],"stop_reason":"max_tokens"}"#, "empty cut"),
    (.messages, #"{"content":[{"type":"tool_use","id":"a"}],"stop_reason":"tool_use"}"#, ""),
    (
      .responses,
      #"{"status":"incomplete","incomplete_details":{"reason":"content_filter"},"output":[{"type":"reasoning"}]}"#,
      "empty filtered"
    ),
    (.responses, #"{"status":"completed","output":[{"type":"custom_tool_call"}]}"#, ""),
  ])
  func `the outcome of an answer is known`(_ dialect: Dialect, _ body: String, _ expected: String) throws {
    let outcome = try #require(AnswerText(whole: Array(body.utf8), dialect)).outcome
    let words = [outcome.isEmpty ? "empty" : nil, outcome.isFiltered ? "filtered" : nil, outcome.isCut ? "cut" : nil]
    #expect(words.compactMap { $0 }.joined(separator: " ") == expected)
  }

  @Test func `the outcome of a stream is known as it comes`() throws {
    func outcome(_ wire: Dialect, _ data: [String]) throws -> AnswerOutcome {
      var inspector = StreamInspector(wire)
      for line in data { _ = try inspector.inspect(ServerSentEvent(data: Array(line.utf8))) }
      return inspector.outcome
    }
    let filtered = try outcome(.chat, [AnswerPlay.chunk(#"{"content":""}"#), AnswerPlay.chunk("{}", "content_filter")])
    #expect(filtered.isEmpty && filtered.isFiltered && !filtered.isCut)
    let cut = try outcome(.chat, [AnswerPlay.chunk(#"{"reasoning":"hm"}"#), AnswerPlay.chunk("{}", "length")])
    #expect(cut.isEmpty && cut.isCut && cut.hasThoughts)
    let refused = try outcome(.messages, [#"{"type":"message_delta","delta":{"stop_reason":"refusal"}}"#])
    #expect(refused.isEmpty && refused.isFiltered)
    let called = try outcome(
      .responses, [#"{"type":"response.output_item.added","item":{"type":"custom_tool_call","name":"f"}}"#])
    #expect(!called.isEmpty && called.hasCalls)
  }

  @Test(arguments: [
    #"{"reasoning":"hm"}"#, #"{"reasoning_content":"hm"}"#,
    #"{"reasoning_details":[{"type":"reasoning.text","text":"h"}]}"#,
    #"{"content":[{"type":"text","text":"a"}]}"#, #"{"refusal":"no"}"#, #"{"tool_calls":[{"function":{"name":"f"}}]}"#,
    #"{"function_call":{"name":"f"}}"#,
  ])
  func `thoughts, parts, refusals and calls count as the first token`(_ delta: String) throws {
    var inspector = StreamInspector(.chat)
    let role = try inspector.inspect(
      ServerSentEvent(data: Array(AnswerPlay.chunk(#"{"role":"assistant","content":""}"#).utf8)))
    #expect(!role.hasContent)
    #expect(try inspector.inspect(ServerSentEvent(data: Array(AnswerPlay.chunk(delta).utf8))).hasContent)
  }
}
