import Dialects
import JSON
import Pricing
import Testing

/// Chat backends as they are, not as they should be.
@Suite struct ChatOddityTests {
  static let callers: [Dialect] = [.messages, .responses, .chat]
  private let end = AnswerPlay.chunk("{}", "tool_calls")

  // MARK: Calls

  @Test(arguments: callers)
  func `parallel calls with the same index are several calls`(_ dialect: Dialect) throws {
    let seen = try AnswerPlay.seen(
      [
        AnswerPlay.call(#"{"index":0,"id":"a","function":{"name":"w","arguments":"{\"c\":1}"}}"#),
        AnswerPlay.call(#"{"index":0,"id":"b","function":{"name":"w","arguments":"{\"c\":2}"}}"#), end,
      ], to: dialect)
    #expect(seen.calls.map(\.id) == ["a", "b"] && seen.arguments == [#"{"c":1}"#, #"{"c":2}"#])
  }

  @Test(arguments: callers)
  func `calls without index, in one chunk or in several, are several calls`(_ dialect: Dialect) throws {
    let first = #"{"id":"a","function":{"name":"w","arguments":"{\"c\":1}"}}"#
    let second = #"{"id":"b","function":{"name":"w","arguments":"{\"c\":2}"}}"#
    for chunks in [[AnswerPlay.call(first), AnswerPlay.call(second)], [AnswerPlay.call("\(first),\(second)")]] {
      let seen = try AnswerPlay.seen(chunks + [end], to: dialect)
      #expect(seen.arguments == [#"{"c":1}"#, #"{"c":2}"#])
    }
  }

  @Test(arguments: callers)
  func `calls without ids get ids of their own`(_ dialect: Dialect) throws {
    let first = #"{"function":{"name":"w","arguments":"{\"c\":1}"}}"#
    let second = #"{"index":0,"id":"","function":{"name":"w","arguments":"{\"c\":2}"}}"#
    for chunks in [[AnswerPlay.call(first), AnswerPlay.call(second)], [AnswerPlay.call("\(first),\(second)")]] {
      let seen = try AnswerPlay.seen(chunks + [end], to: dialect)
      #expect(seen.arguments == [#"{"c":1}"#, #"{"c":2}"#])
      #expect(Set(seen.calls.map(\.id)).count == 2 && seen.calls.allSatisfy { $0.id.contains(AnswerPlay.unique) })
    }
    let whole = try AnswerPlay.whole(
      #"{"choices":[{"message":{"content":null,"tool_calls":[\#(first),\#(second)]},"finish_reason":"tool_calls"}]}"#,
      to: dialect)
    #expect(Set(whole.calls.map(\.id)).count == 2 && whole.arguments == [#"{"c":1}"#, #"{"c":2}"#])
  }

  @Test(arguments: callers)
  func `the same id twice becomes two ids`(_ dialect: Dialect) throws {
    let seen = try AnswerPlay.seen(
      [
        AnswerPlay.call(#"{"index":0,"id":"call_0","function":{"name":"w","arguments":"{\"c\":1}"}}"#),
        AnswerPlay.call(#"{"index":1,"id":"call_0","function":{"name":"w","arguments":"{\"c\":2}"}}"#), end,
      ], to: dialect)
    #expect(seen.arguments == [#"{"c":1}"#, #"{"c":2}"#] && seen.calls[0].id == "call_0")
  }

  @Test(arguments: callers)
  func `a name may come late, in pieces, again and again`(_ dialect: Dialect) throws {
    let late = [
      #"{"index":0,"id":"a","function":{"name":"","arguments":""}}"#,
      #"{"index":0,"function":{"name":"get","arguments":"{\"a\":1}"}}"#,
    ]
    let behind = [
      #"{"index":0,"id":"a","function":{"arguments":"{\"a\":"}}"#, #"{"index":0,"function":{"name":"get"}}"#,
      #"{"index":0,"function":{"arguments":"1}"}}"#,
    ]
    let pieces = [
      #"{"index":0,"id":"a","function":{"name":"g"}}"#, #"{"index":0,"function":{"name":"et"}}"#,
      #"{"index":0,"function":{"arguments":"{\"a\":1}"}}"#,
    ]
    let again = [
      #"{"index":0,"id":"a","function":{"name":"get","arguments":""}}"#,
      #"{"index":0,"id":"a","function":{"name":"get","arguments":"{\"a\":"}}"#,
      #"{"index":0,"id":"a","function":{"name":"get","arguments":"1}"}}"#,
      #"{"index":0,"id":"a","function":{"name":"get","arguments":""}}"#,
    ]
    let repeated = [
      #"{"index":0,"id":"a","function":{"name":"get","arguments":"{\"a\":1}"}}"#,
      #"{"index":0,"id":"a","function":{"name":"get","arguments":"{\"a\":1}"}}"#,
    ]
    for calls in [late, behind, pieces, again, repeated] {
      let seen = try AnswerPlay.seen(calls.map { AnswerPlay.call($0) } + [end], to: dialect)
      #expect(seen.calls == [.init(id: "a", name: "get", arguments: #"{"a":1}"#)])
    }
  }

  @Test(arguments: callers)
  func `an id may come late, or be another one in each fragment`(_ dialect: Dialect) throws {
    let late = [
      #"{"index":0,"function":{"name":"get","arguments":"{\"a\":"}}"#,
      #"{"index":0,"id":"z","function":{"arguments":"1}"}}"#,
    ]
    let invented = [
      #"{"index":0,"id":"r1","function":{"name":"get","arguments":""}}"#,
      #"{"index":0,"id":"r2","function":{"arguments":"{\"a\":"}}"#,
      #"{"index":0,"id":"r3","function":{"arguments":"1}"}}"#,
    ]
    for calls in [late, invented] {
      let seen = try AnswerPlay.seen(calls.map { AnswerPlay.call($0) } + [end], to: dialect)
      #expect(seen.names == ["get"] && seen.arguments == [#"{"a":1}"#])
    }
  }

  @Test(arguments: callers)
  func `a line feed within a call is no text`(_ dialect: Dialect) throws {
    let seen = try AnswerPlay.seen(
      [
        AnswerPlay.call(#"{"index":0,"id":"a","function":{"name":"get","arguments":"{\"a\":"}}"#),
        AnswerPlay.chunk(#"{"content":"\n"}"#),
        AnswerPlay.call(#"{"index":0,"function":{"arguments":"1}"}}"#), end,
      ], to: dialect)
    #expect(seen.order == ["call"] && seen.arguments == [#"{"a":1}"#])
  }

  @Test(arguments: callers)
  func `text within a call comes behind it, and none is lost`(_ dialect: Dialect) throws {
    let seen = try AnswerPlay.seen(
      [
        AnswerPlay.call(#"{"index":0,"id":"a","function":{"name":"get","arguments":"{\"a\":"}}"#),
        AnswerPlay.chunk(#"{"content":"Just "}"#), AnswerPlay.chunk(#"{"content":"a moment"}"#),
        AnswerPlay.call(#"{"index":0,"function":{"arguments":"1}"}}"#), end,
      ], to: dialect)
    #expect(seen.order == ["call", "text"] && seen.text == "Just a moment" && seen.arguments == [#"{"a":1}"#])
  }

  @Test(arguments: callers)
  func `calls whose fragments interleave come one after the other`(_ dialect: Dialect) throws {
    let seen = try AnswerPlay.seen(
      [
        AnswerPlay.chunk(#"{"role":"assistant","content":""}"#), AnswerPlay.chunk(#"{"content":"Well"}"#),
        AnswerPlay.chunk(#"{"content":"!"}"#),
        AnswerPlay.call(#"{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}}"#),
        AnswerPlay.call(#"{"index":1,"id":"b","type":"function","function":{"name":"g","arguments":"{"}}"#),
        AnswerPlay.call(#"{"index":0,"function":{"arguments":"{\"x\":"}}"#),
        AnswerPlay.call(#"{"index":1,"function":{"arguments":"}"}},{"index":0,"function":{"arguments":"1}"}}"#), end,
      ], to: dialect)
    #expect(seen.text == "Well!" && seen.names == ["f", "g"] && seen.arguments == [#"{"x":1}"#, "{}"])
  }

  @Test(arguments: callers)
  func `an empty argument list is an empty object`(_ dialect: Dialect) throws {
    for empty in ["", #","arguments":"""#, #","arguments":null"#, #","arguments":" \n""#, #","arguments":{}"#] {
      let call = #"{"index":0,"id":"a","function":{"name":"snooze"\#(empty)}}"#
      #expect(try AnswerPlay.seen([AnswerPlay.call(call), end], to: dialect).arguments == ["{}"])
      let body = #"{"choices":[{"message":{"tool_calls":[\#(call)]},"finish_reason":"stop"}]}"#
      let whole = try AnswerPlay.whole(body, to: dialect)
      #expect(whole.arguments == ["{}"])
    }
  }

  @Test func `calls in order of their index stay in order, also when the first has no arguments`() throws {
    let seen = try AnswerPlay.seen(
      [
        AnswerPlay.call(#"{"index":0,"id":"a","function":{"name":"snooze","arguments":""}}"#),
        AnswerPlay.call(#"{"index":1,"id":"b","function":{"name":"get","arguments":"{\"a\":1}"}}"#), end,
      ], to: .messages)
    #expect(seen.names == ["snooze", "get"])
  }

  @Test(arguments: callers)
  func `arguments may be an object, and numbers keep their digits`(_ dialect: Dialect) throws {
    let call = #"{"index":0,"id":"a","function":{"name":"g","arguments":{"id":12345678901234567890,"x":1.0}}}"#
    let text = #"{"index":0,"id":"a","function":{"name":"g","arguments":"{\"id\":12345678901234567890,\"x\":1.0}"}}"#
    for call in [call, text] {
      let body = #"{"choices":[{"message":{"tool_calls":[\#(call)]},"finish_reason":"tool_calls"}]}"#
      #expect(try AnswerPlay.whole(body, to: dialect).arguments == [#"{"id":12345678901234567890,"x":1.0}"#])
      #expect(
        try AnswerPlay.seen([AnswerPlay.call(call), end], to: dialect).arguments
          == [#"{"id":12345678901234567890,"x":1.0}"#])
    }
  }

  @Test(arguments: callers)
  func `the old call of a function is a call`(_ dialect: Dialect) throws {
    let seen = try AnswerPlay.seen(
      [
        AnswerPlay.chunk(#"{"function_call":{"name":"get","arguments":""}}"#),
        AnswerPlay.chunk(#"{"function_call":{"arguments":"{\"a\":1}"}}"#), AnswerPlay.chunk("{}", "function_call"),
      ], to: dialect)
    #expect(seen.names == ["get"] && seen.arguments == [#"{"a":1}"#])
  }

  @Test func `more calls than anyone makes are refused, not kept`() throws {
    let calls = (0...512).map { AnswerPlay.call(#"{"index":\#($0),"id":"i\#($0)","function":{"name":"f"}}"#) }
    #expect(throws: StreamFault.self) { try AnswerPlay.bytes(calls, to: .messages) }
  }

  // MARK: Finish reasons

  @Test(arguments: [
    ("stop", "tool_use", "tool_calls", "completed"), (nil, "tool_use", "tool_calls", "completed"),
    ("length", "max_tokens", "length", "max_output_tokens"),
    ("content_filter", "refusal", "content_filter", "content_filter"),
  ])
  func `calls are calls whatever the finish reason is, but for a cut`(
    _ reason: String?, _ message: String, _ chat: String, _ response: String
  ) throws {
    let data = [
      AnswerPlay.call(#"{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}"#),
      AnswerPlay.chunk("{}", reason),
    ]
    #expect(try AnswerPlay.seen(data, to: .messages).finish == message)
    #expect(try AnswerPlay.seen(data, to: .chat).finish == chat)
    #expect(try AnswerPlay.seen(data, to: .responses).finish == response)
  }

  @Test(arguments: ["tool_calls", "function_call", "stop", "eos", "COMPLETE"])
  func `without calls the turn has ended`(_ reason: String) throws {
    let data = [AnswerPlay.chunk(#"{"content":"hi"}"#), AnswerPlay.chunk("{}", reason)]
    #expect(try AnswerPlay.seen(data, to: .messages).finish == "end_turn")
    #expect(try AnswerPlay.seen(data, to: .chat).finish == "stop")
    #expect(try AnswerPlay.seen(data, to: .responses).finish == "completed")
  }

  @Test(arguments: ["MAX_TOKENS", "length", "max_output_tokens"])
  func `a cut is a cut by other names too`(_ reason: String) throws {
    let data = [AnswerPlay.chunk(#"{"content":"hi"}"#), AnswerPlay.chunk("{}", reason)]
    #expect(try AnswerPlay.seen(data, to: .messages).finish == "max_tokens")
    #expect(try AnswerPlay.seen(data, to: .responses).finish == "max_output_tokens")
  }

  @Test func `a stop sequence that the server names is named`() throws {
    let chunk = #"{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop","stop_reason":"END"}]}"#
    let bytes = try AnswerPlay.bytes([chunk], to: .messages)
    #expect(String(decoding: bytes, as: UTF8.self).contains(#""stop_reason":"stop_sequence","stop_sequence":"END""#))
  }

  // MARK: Words

  @Test(arguments: callers, ["reasoning_content", "reasoning", "thinking"])
  func `thoughts come before the text`(_ dialect: Dialect, _ member: String) throws {
    let data = [
      AnswerPlay.chunk(#"{"role":"assistant","content":"","\#(member)":"let "}"#),
      AnswerPlay.chunk(#"{"\#(member)":"me see"}"#), AnswerPlay.chunk(#"{"content":"42"}"#),
      AnswerPlay.chunk("{}", "stop"),
    ]
    let seen = try AnswerPlay.seen(data, to: dialect)
    #expect(seen.order == ["thoughts", "text"] && seen.thoughts == "let me see" && seen.text == "42")
    let whole = try AnswerPlay.whole(
      #"{"choices":[{"message":{"content":"42","\#(member)":"let me see"},"finish_reason":"stop"}]}"#, to: dialect)
    #expect(whole.order == ["thoughts", "text"] && whole.thoughts == "let me see")
  }

  @Test(arguments: callers)
  func `thoughts that come under two names come once, with their signature`(_ dialect: Dialect) throws {
    let data = [
      AnswerPlay.chunk(
        #"{"reasoning":"hm","reasoning_details":[{"type":"reasoning.text","text":"hm","format":"anthropic-claude-v1"}]}"#
      ),
      AnswerPlay.chunk(
        #"{"reasoning_details":[{"type":"reasoning.text","signature":"SIG","format":"anthropic-claude-v1"}]}"#),
      AnswerPlay.chunk(#"{"content":"42"}"#), AnswerPlay.chunk("{}", "stop"),
    ]
    let seen = try AnswerPlay.seen(data, to: dialect)
    #expect(seen.thoughts == "hm" && seen.signatures == ["SIG"] && seen.text == "42")
  }

  @Test(arguments: callers)
  func `text as a list of parts is text`(_ dialect: Dialect) throws {
    let parts = #"[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"4"},"2"]"#
    let whole = try AnswerPlay.whole(
      #"{"choices":[{"message":{"content":\#(parts)},"finish_reason":"stop"}]}"#, to: dialect)
    #expect(whole.thoughts == "hm" && whole.text == "42")
    let seen = try AnswerPlay.seen(
      [
        AnswerPlay.chunk(#"{"content":\#(parts)}"#),
        AnswerPlay.chunk(#"{"content":{"type":"text","text":"!"}}"#, "stop"),
      ],
      to: dialect)
    #expect(seen.thoughts == "hm" && seen.text == "42!")
  }

  @Test func `a refusal is a refusal where the dialect has one, and text elsewhere`() throws {
    let body = #"{"choices":[{"message":{"content":null,"refusal":"I cannot help."},"finish_reason":"stop"}]}"#
    let data = [AnswerPlay.chunk(#"{"refusal":"I cannot "}"#), AnswerPlay.chunk(#"{"refusal":"help."}"#, "stop")]
    for seen in [try AnswerPlay.whole(body, to: .responses), try AnswerPlay.seen(data, to: .responses)] {
      #expect(seen.refusal == "I cannot help." && seen.text.isEmpty)
    }
    for seen in [try AnswerPlay.whole(body, to: .messages), try AnswerPlay.seen(data, to: .messages)] {
      #expect(seen.text == "I cannot help." && seen.finish == "end_turn")
    }
  }

  @Test(arguments: callers)
  func `characters that a stream cuts in two are whole again`(_ dialect: Dialect) throws {
    let halves = [AnswerPlay.chunk(#"{"content":"a\ud83d"}"#), AnswerPlay.chunk(#"{"content":"\ude00b"}"#, "stop")]
    #expect(try AnswerPlay.seen(halves, to: dialect).text == "a\u{1F600}b")
    var bytes: [UInt8] = []
    let emoji = Array("\u{1F600}".utf8)
    for piece in [emoji[..<1], emoji[1..<3], emoji[3...]] {
      let parts = AnswerPlay.chunk(#"{"content":"?"}"#).split(separator: "?").map { Array($0.utf8) }
      bytes += Array("data: ".utf8) + parts[0] + piece + parts[1] + [10, 10]
    }
    bytes += Array("data: \(AnswerPlay.chunk("{}", "stop"))\n\n".utf8)
    let made = try AnswerPlay.bytes(stream: [bytes], from: .chat, to: dialect)
    #expect(try StrictReader.read(made, dialect).text == "\u{1F600}")
    let arguments = [
      AnswerPlay.call(#"{"index":0,"id":"a","function":{"name":"f","arguments":"{\"a\":\"\ud83d"}}"#),
      AnswerPlay.call(#"{"index":0,"function":{"arguments":"\ude00\"}"}}"#), end,
    ]
    #expect(try AnswerPlay.seen(arguments, to: dialect).arguments == ["{\"a\":\"\u{1F600}\"}"])
  }

  @Test(arguments: callers)
  func `JSON that is almost JSON is understood`(_ dialect: Dialect) throws {
    let data = [
      "{\"id\":\"x\",\"id\":\"x\",\"choices\":[{\"index\":0,\"logprobs\":NaN,\"delta\":{\"content\":\"a\tb\"}}]}",
      AnswerPlay.chunk("{}", "stop"),
    ]
    #expect(try AnswerPlay.seen(data, to: dialect).text == "a\tb")
  }

  @Test(arguments: callers)
  func `nothing at all is a whole stream too`(_ dialect: Dialect) throws {
    let seen = try AnswerPlay.seen([], to: dialect)
    #expect(seen.order.isEmpty && seen.calls.isEmpty)
  }

  // MARK: Arguments

  @Test(arguments: [
    "{broken", #"{"a": undefined}"#, #"{"a":1}{"b":2}"#, "[1]", "null", #"{"a":{"b":[1,"#, #"{"a":"x\q"}"#,
    #"{"a":tru"#, #"{"a":1,"#, #"{"a"#, #"{"a":01}"#, #"{"a":"\ud83d"}"#, #"{"k":{"x":1,"y"}}"#, "{]",
  ])
  func `arguments that are no object are one that shows them`(_ text: String) throws {
    var writer = JSONWriter()
    writer.string(text)
    let json = String(decoding: writer.bytes, as: UTF8.self)
    let call = #"{"index":0,"id":"a","function":{"name":"f","arguments":\#(json)}}"#
    let whole = try AnswerPlay.whole(
      #"{"choices":[{"message":{"tool_calls":[\#(call)]},"finish_reason":"stop"}]}"#, to: .messages)
    let seen = try AnswerPlay.seen([AnswerPlay.call(call), end], to: .messages)
    for arguments in whole.arguments + seen.arguments {
      #expect(try JSONDocument(parsing: arguments).root["_invalid_json"]?.string == text)
    }
    // In any pieces.
    let pieces = text.map { character -> String in
      var writer = JSONWriter()
      writer.string(String(character))
      return #"{"index":0,"function":{"arguments":\#(String(decoding: writer.bytes, as: UTF8.self))}}"#
    }
    let slow = try AnswerPlay.seen(
      ([#"{"index":0,"id":"a","function":{"name":"f"}}"#] + pieces).map { AnswerPlay.call($0) } + [end], to: .messages
    ).arguments
    #expect(try JSONDocument(parsing: slow[0]).root["_invalid_json"]?.string == text)
    // Elsewhere arguments are text, as the model wrote it.
    #expect(try AnswerPlay.seen([AnswerPlay.call(call), end], to: .responses).arguments == [text])
    #expect(try AnswerPlay.seen([AnswerPlay.call(call), end], to: .chat).arguments == [text])
  }
}
