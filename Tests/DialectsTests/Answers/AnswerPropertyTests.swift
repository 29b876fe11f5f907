import Dialects
import HTTPWire
import JSON
import Pricing
import Testing

/// Whatever a server makes of an answer, its caller gets the answer.
@Suite struct AnswerPropertyTests {
  /// A small generator of numbers, the same for a seed.
  struct Numbers: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      var value = state
      value = (value ^ (value >> 33)) &* 0xFF51_AFD7_ED55_8CCD
      return value ^ (value >> 33)
    }
  }

  /// What a model meant.
  private struct Meant {
    var thoughts = ""
    var text = ""
    var calls: [(name: String, arguments: String)] = []
  }

  /// How a server numbers and names its calls.
  private enum Habit: CaseIterable {
    case indices, sameIndex, noIndex, wholeWithoutIDs, repeatedNames, lateNames
  }

  private static let words = ["Hello", " ", "wörld", "\u{1F600}", "\"", "\\", "\n\n", "{", "日本", "x"]

  private func text(_ random: inout Numbers) -> String {
    let inner = (0..<Int.random(in: 1...6, using: &random)).compactMap { _ in Self.words.randomElement(using: &random) }
    return "T\(inner.joined())E"
  }

  private func quoted(_ text: String) -> String {
    var writer = JSONWriter()
    writer.string(text)
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  private func pieces(_ text: String, _ random: inout Numbers) -> [String] {
    var pieces: [String] = []
    var rest = Substring(text)
    while !rest.isEmpty {
      let piece = rest.prefix(Int.random(in: 1...5, using: &random))
      pieces.append(String(piece))
      rest = rest.dropFirst(piece.count)
    }
    return pieces
  }

  private func make(_ random: inout Numbers) -> (Meant, [String]) {
    var meant = Meant()
    var deltas: [String] = []
    if Bool.random(using: &random) {
      meant.thoughts = text(&random)
      let member = ["reasoning", "reasoning_content"].randomElement(using: &random) ?? ""
      deltas += pieces(meant.thoughts, &random).map { #"{"\#(member)":\#(quoted($0))}"# }
    }
    if Bool.random(using: &random) {
      meant.text = text(&random)
      let asParts = Bool.random(using: &random)
      deltas += pieces(meant.text, &random).map {
        asParts ? #"{"content":[{"type":"text","text":\#(quoted($0))}]}"# : #"{"content":\#(quoted($0))}"#
      }
    }
    let habit = Habit.allCases.randomElement(using: &random) ?? .indices
    var queues: [[String]] = []
    for number in 0..<Int.random(in: 0...3, using: &random) {
      let arguments = #"{"n":\#(number),"t":\#(quoted(text(&random)))}"#
      meant.calls.append(("f\(number)", arguments))
      queues.append(fragments("f\(number)", arguments, number, habit, &random))
    }
    let sizes = queues.map(\.count)
    // Only with indices can fragments of several calls be mixed.
    while queues.contains(where: { !$0.isEmpty }) {
      let open = queues.indices.filter { !queues[$0].isEmpty }
      guard let spot = habit == .indices ? open.randomElement(using: &random) : open.first else { break }
      // Calls begin in their order.
      let begun = queues.indices.filter { queues[$0].count < sizes[$0] }.count
      deltas.append(queues[min(spot, begun)].removeFirst())
      if Int.random(in: 0..<4, using: &random) == 0 {
        deltas.append(
          [#"{"content":"\n"}"#, #"{"content":""}"#, "{}", #"{"content":null}"#].randomElement(using: &random) ?? "{}")
      }
    }
    return (meant, deltas)
  }

  private func fragments(
    _ name: String, _ arguments: String, _ number: Int, _ habit: Habit, _ random: inout Numbers
  ) -> [String] {
    func delta(_ call: String) -> String { #"{"tool_calls":[{\#(call)}]}"# }
    switch habit {
    case .wholeWithoutIDs: return [delta(#""function":{"name":"\#(name)","arguments":\#(quoted(arguments))}"#)]
    case .noIndex:
      return [delta(#""id":"i\#(number)","function":{"name":"\#(name)","arguments":""}"#)]
        + pieces(arguments, &random).map { delta(#""function":{"arguments":\#(quoted($0))}"#) }
    case .indices, .sameIndex, .repeatedNames, .lateNames:
      let index = habit == .sameIndex ? 0 : number
      let again = habit == .repeatedNames ? #""name":"\#(name)","# : ""
      let id = habit == .repeatedNames ? #""id":"i\#(number)","# : ""
      var result = pieces(arguments, &random).map {
        delta(#""index":\#(index),\#(id)"function":{\#(again)"arguments":\#(quoted($0))}"#)
      }
      let first = habit == .lateNames ? "" : name
      result.insert(
        delta(#""index":\#(index),"id":"i\#(number)","function":{"name":"\#(first)","arguments":""}"#), at: 0)
      if habit == .lateNames { result.insert(delta(#""index":\#(index),"function":{"name":"\#(name)"}"#), at: 1) }
      return result
    }
  }

  @Test(arguments: 0..<300)
  func `no habit of a server loses or moves a word`(_ seed: UInt64) throws {
    var random = Numbers(state: seed)
    let (meant, deltas) = make(&random)
    let reason = ["stop", "tool_calls", nil].randomElement(using: &random) ?? nil
    let data = deltas.map { AnswerPlay.chunk($0) } + [AnswerPlay.chunk("{}", reason)]
    for dialect in ChatOddityTests.callers {
      let seen = try AnswerPlay.seen(data, to: dialect)
      #expect(seen.thoughts == meant.thoughts)
      #expect(seen.text.replacing("\n", with: "") == meant.text.replacing("\n", with: ""))
      #expect(seen.names == meant.calls.map(\.name) && seen.arguments == meant.calls.map(\.arguments))
      #expect(Set(seen.calls.map(\.id)).count == meant.calls.count)
    }
  }

  @Test(arguments: 0..<100)
  func `any split of the bytes gives the same stream`(_ seed: UInt64) throws {
    var random = Numbers(state: seed &+ 1000)
    let (_, deltas) = make(&random)
    var stream: [UInt8] = []
    for delta in deltas { ServerSentEvent(data: Array(AnswerPlay.chunk(delta).utf8)).append(to: &stream) }
    stream += Array("data: [DONE]\n\n".utf8)
    var pieces: [[UInt8]] = []
    var rest = stream[...]
    while !rest.isEmpty {
      let piece = rest.prefix(Int.random(in: 1...40, using: &random))
      pieces.append(Array(piece))
      rest = rest.dropFirst(piece.count)
    }
    for dialect in ChatOddityTests.callers {
      let whole = try AnswerPlay.bytes(stream: [stream], from: .chat, to: dialect)
      #expect(try AnswerPlay.bytes(stream: pieces, from: .chat, to: dialect) == whole)
    }
  }

  /// Deltas of all kinds, in any order and with anything left out.
  private static let shreds = [
    "{}", #"{"content":null}"#, #"{"content":"a"}"#, #"{"content":" "}"#,
    #"{"content":[{"type":"text","text":"b"},7,null]}"#,
    #"{"content":{"text":{"value":"c"}}}"#, #"{"reasoning":"r"}"#, #"{"reasoning_content":""}"#, #"{"refusal":"n"}"#,
    #"{"reasoning_details":[{"signature":"s"},{"type":"reasoning.encrypted","data":"d","format":"anthropic"}]}"#,
    #"{"content":"\ud83d"}"#, #"{"content":"\ude00"}"#, #"{"tool_calls":[]}"#, #"{"tool_calls":[null,7,{}]}"#,
    #"{"tool_calls":[{"index":0}]}"#, #"{"tool_calls":[{"id":"a"}]}"#, #"{"tool_calls":[{"index":0,"id":"b"}]}"#,
    #"{"tool_calls":[{"function":{"name":"f"}}]}"#,
    #"{"tool_calls":[{"index":1,"function":{"name":"g","arguments":"{"}}]}"#,
    #"{"tool_calls":[{"index":0,"function":{"arguments":"{\"x\""}}]}"#,
    #"{"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]}"#,
    #"{"tool_calls":[{"index":-9,"id":"a","function":{"name":"f","arguments":"}"}}]}"#,
    #"{"tool_calls":[{"index":9223372036854775807,"function":{"name":"h","arguments":{"y":[1]}}}]}"#,
    #"{"tool_calls":{"function":{"name":"k","arguments":"\ud83d"}}}"#,
    #"{"function_call":{"name":"old","arguments":"{}"}}"#,
    #"{"function_call":"no"}"#, #"{"audio":{"transcript":"said"}}"#, #"{"content":5}"#, "null", "[]", "7",
  ]

  @Test(arguments: 0..<400)
  func `no shreds of an answer make a stream that clients refuse`(_ seed: UInt64) throws {
    var random = Numbers(state: seed &+ 5000)
    let data = (0..<Int.random(in: 1...14, using: &random)).compactMap { _ in
      Self.shreds.randomElement(using: &random).map {
        AnswerPlay.chunk($0, [nil, nil, "stop", "length"].randomElement(using: &random) ?? nil)
      }
    }
    let texts = data.filter { $0.contains(#""content":"a""#) }.count
    for dialect in ChatOddityTests.callers {
      let seen = try AnswerPlay.seen(data, to: dialect)
      #expect(seen.text.filter { $0 == "a" }.count >= texts)
    }
  }

  private static let eventShreds = [
    #"{"type":"message_start","message":{"id":"m","usage":{"input_tokens":5}}}"#, #"{"type":"ping"}"#, "{}",
    #"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"a"}}"#,
    #"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"t"}}"#,
    #"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"i","name":"f","input":{}}}"#,
    #"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","name":"","input":{"a":1}}}"#,
    #"{"type":"content_block_start","index":2,"content_block":{"type":"redacted_thinking","data":"d"}}"#,
    #"{"type":"content_block_start","content_block":7}"#, #"{"type":"content_block_start","index":3}"#,
    #"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"b"}}"#,
    #"{"type":"content_block_delta","index":9,"delta":{"type":"text_delta","text":"c"}}"#,
    #"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"u"}}"#,
    #"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"s"}}"#,
    #"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"k\":"}}"#,
    #"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"1}"}}"#,
    #"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"\ud83d"}}"#,
    #"{"type":"content_block_stop","index":0}"#, #"{"type":"content_block_stop","index":1}"#,
    #"{"type":"content_block_stop"}"#, #"{"type":"message_delta","delta":{"stop_reason":"tool_use"}}"#,
    #"{"type":"message_delta"}"#, #"{"type":"unheard_of"}"#, #"{"type":7,"delta":[],"index":"x"}"#,
  ]

  @Test(arguments: 0..<400)
  func `no shreds of a message make a stream that clients refuse`(_ seed: UInt64) throws {
    var random = Numbers(state: seed &+ 9000)
    let data = (0..<Int.random(in: 1...16, using: &random)).compactMap { _ in
      Self.eventShreds.randomElement(using: &random)
    }
    for dialect in MessageOddityTests.callers {
      let seen = try AnswerPlay.seen(data, from: .messages, to: dialect)
      #expect(seen.text.filter { $0 == "b" || $0 == "c" }.count == data.filter { $0.contains("text_delta") }.count)
    }
  }
}
