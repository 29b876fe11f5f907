import Dialects
import JSON
import Testing

/// Whatever a client's history looks like, no provider gets what it would refuse.
@Suite struct RequestPropertyTests {
  @Test(arguments: 0..<400)
  func `no provider refuses a conversation of any dialect`(_ seed: Int) throws {
    var random = Dice(seed)
    let talk = Conversation(&random)
    for (text, dialect) in [(talk.chat, Dialect.chat), (talk.messages, .messages), (talk.responses, .responses)] {
      for kind in Kind.allCases where kind.wire(dialect) != .responses {
        let made = try Made(text, dialect, kind)
        let faults = ProviderCheck(made.root, kind).faults
        #expect(faults.isEmpty, "\(dialect) to \(kind): \(faults)\n\(text)\n\(made.text)")
        // Every result is still there.
        for word in talk.results { #expect(made.text.contains(word), "\(dialect) to \(kind) lost \(word)") }
      }
    }
  }
}

/// What the quick look lets through, the rules would not change.
@Suite struct OwnRequestTests {
  @Test(arguments: 0..<400)
  func `a request that needs no change is sent as it came`(_ seed: Int) throws {
    var random = Dice(seed)
    let talk = Conversation(&random)
    for (text, dialect) in [(talk.chat, Dialect.chat), (talk.messages, .messages)] {
      for kind in Kind.allCases where kind.wire(dialect) == dialect {
        let once = try Made(text, dialect, kind)
        let twice = try Made(once.text, dialect, kind)
        #expect(twice.text == once.text && twice.dropped.isEmpty, "\(kind)\n\(once.text)\n\(twice.text)")
      }
    }
  }

  /// A fine request with one fault at a time: each is seen.
  @Test(arguments: [
    (#""content":"a""#, #""content":null"#), (#""id":"c1""#, #""id":"""#), (#""name":"f","arg"#, #""name":"f.g","arg"#),
    (#""role":"system""#, #""role":"developer""#), (#"{"type":"object","properties":{}}"#, #"{"type":"object"}"#),
    (#""tool_call_id":"c1""#, #""tool_call_id":"c2""#), (#""{}""#, #""""#), (#""stop":"x""#, #""stop":"""#),
    (#""temperature":1"#, #""temperature":3"#), (#""role":"tool","#, #""role":"user","#),
  ])
  func `every fault is found`(_ fine: String, _ fault: String) throws {
    let text = """
      {"model":"there","messages":[{"role":"system","content":"s"},{"role":"user","content":"a"},
       {"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]},
       {"role":"tool","tool_call_id":"c1","content":"r"}],"temperature":1,"stop":"x","tools":[
       {"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{}}}}]}
      """
    #expect(try Made(text, .chat, .compatible).text.contains(fine))
    let made = try Made(text.replacing(fine, with: fault), .chat, .compatible)
    // The white space of the caller goes where a part was made anew, or the fault is one that only its caller can mend.
    let isRepaired = !made.text.contains(fault)
    #expect(isRepaired || fault.contains("c2") || fault.contains(#""role":"user""#) || fault.contains("null"))
  }
}

/// A small generator, the same for a seed.
struct Dice {
  private var state: UInt64

  init(_ seed: Int) { state = UInt64(truncatingIfNeeded: seed) &* 0x9E37_79B9_7F4A_7C15 | 1 }

  mutating func roll(_ sides: Int) -> Int {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return Int(state >> 33) % sides
  }

  mutating func pick<Value>(_ values: [Value]) -> Value { values[roll(values.count)] }
}

/// The same odd conversation in three dialects: odd names and ids, empty and white texts, any role first, words between
/// calls and results, results in any order and late.
struct Conversation {
  private(set) var results: [String] = []
  private var chatMessages: [String] = []
  private var turns: [String] = []
  private var items: [String] = []
  private var rest = ""
  private var tools: [String] = []

  private static let ids = ["c1", "", "functions.f:0", "call_0", "toolu_01", String(repeating: "i", count: 70), "ü"]
  private static let names = ["f", "a.b", "mcp__x__y", String(repeating: "n", count: 90), "läs", "read file", ""]
  private static let texts = ["", " ", "\\n\\t", "words", "words ", "more words\\n"]
  private static let arguments = ["{}", "", #"{\"a\":1.0}"#]

  init(_ random: inout Dice) {
    tools = (0..<random.roll(4)).map { Conversation.names[$0] }
    rest = random.pick([
      "", #","temperature":1.9,"top_p":0.3"#, #","stop":["a","b","c","d","e",""]"#,
      #","user":"\#(String(repeating: "u", count: 99))""#,
    ])
    if random.roll(3) == 0 { system(random.pick(Conversation.texts)) }
    for _ in 0..<(1 + random.roll(6)) {
      switch random.roll(4) {
      case 0, 1: calls(&random)
      case 2: say("assistant", random.pick(Conversation.texts))
      default: say("user", random.pick(Conversation.texts))
      }
    }
    if items.isEmpty { say("user", "x") }
  }

  private mutating func system(_ text: String) {
    chatMessages.append(#"{"role":"\#("developer")","content":"\#(text)"}"#)
    items.append(#"{"role":"developer","content":"\#(text)"}"#)
  }

  private mutating func say(_ role: String, _ text: String) {
    let inner = role == "user" ? "input_text" : "output_text"
    chatMessages.append(#"{"role":"\#(role)","content":"\#(text)","annotations":[]}"#)
    turns.append(#"{"role":"\#(role)","content":[{"type":"text","text":"\#(text)"}]}"#)
    items.append(#"{"type":"message","role":"\#(role)","content":[{"type":"\#(inner)","text":"\#(text)"}]}"#)
  }

  private mutating func calls(_ random: inout Dice) {
    // Two calls of one turn have ids of their own; turns may use the same ones again.
    var pool = Conversation.ids
    let made = (0..<(1 + random.roll(3))).map { _ in
      (
        id: pool.remove(at: random.roll(pool.count)), name: random.pick(Conversation.names),
        arguments: random.pick(Conversation.arguments), result: "result\(results.count)x\(random.roll(1000))"
      )
    }
    results += made.map(\.result)
    let functions = made.map {
      #"{"id":"\#($0.id)","type":"function","function":{"name":"\#($0.name)","arguments":"\#($0.arguments)"}}"#
    }
    chatMessages.append(#"{"role":"assistant","content":null,"tool_calls":[\#(functions.joined(separator: ","))]}"#)
    let uses = made.map {
      let input = $0.arguments.isEmpty ? "{}" : $0.arguments.replacing("\\", with: "")
      return #"{"type":"tool_use","id":"\#($0.id)","name":"\#($0.name)","input":\#(input)}"#
    }
    turns.append(#"{"role":"assistant","content":[\#(uses.joined(separator: ","))]}"#)
    for call in made {
      items.append(
        #"{"type":"function_call","call_id":"\#(call.id)","name":"\#(call.name)","arguments":"\#(call.arguments)"}"#)
    }
    if random.roll(3) == 0 { say("assistant", random.pick(Conversation.texts)) }
    if random.roll(4) == 0 { say("user", random.pick(Conversation.texts)) }
    var blocks: [String] = []
    for call in random.roll(2) == 0 ? made : made.reversed() {
      chatMessages.append(#"{"role":"tool","tool_call_id":"\#(call.id)","content":"\#(call.result)"}"#)
      blocks.append(
        #"{"type":"tool_result","tool_use_id":"\#(call.id)","content":[{"type":"text","text":""},{"type":"text","text":"\#(call.result)"}]}"#
      )
      items.append(#"{"type":"function_call_output","call_id":"\#(call.id)","output":"\#(call.result)"}"#)
    }
    if random.roll(3) == 0 { blocks.insert(#"{"type":"text","text":"\#(random.pick(Conversation.texts))"}"#, at: 0) }
    turns.append(#"{"role":"user","content":[\#(blocks.joined(separator: ","))]}"#)
  }

  private func named(_ shape: (String) -> String) -> String {
    #""tools":[\#(tools.map(shape).joined(separator: ","))]"#
  }

  var chat: String {
    let tools = named { #"{"type":"function","function":{"name":"\#($0)","parameters":{"type":"object"}}}"# }
    return #"{"messages":[\#(chatMessages.joined(separator: ","))],\#(tools),"tool_choice":"auto"\#(rest)}"#
  }

  var messages: String {
    let tools = named { #"{"name":"\#($0)","input_schema":{"type":"object"}}"# }
    return
      #"{"max_tokens":100,"messages":[\#(turns.isEmpty ? #"{"role":"user","content":""}"# : turns.joined(separator: ","))],\#(tools)}"#
  }

  var responses: String {
    let tools = named { #"{"type":"function","name":"\#($0)","parameters":{"type":"object"}}"# }
    return
      #"{"input":[\#(items.joined(separator: ","))],\#(tools),"tool_choice":"auto"\#(rest.contains("stop") ? "" : rest)}"#
  }
}
