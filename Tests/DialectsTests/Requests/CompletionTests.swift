import Dialects
import HTTPWire
import JSON
import Pricing
import Testing

/// Text completions on models that chat.
@Suite struct CompletionTests {
  private static let text = """
    {"model":"m","prompt":"Once upon","max_tokens":7,"stop":["a","b","c","d","e"],"temperature":0.5,"echo":true,"logprobs":1,
     "best_of":3,"stream":true}
    """

  @Test func `a prompt becomes the message of the user`() throws {
    for kind in Kind.allCases {
      let made = try Made(CompletionTests.text, .completions, kind)
      let content = made.messages()[0]["content"]
      #expect((content?.string ?? content?[0]?["text"]?.string) == "Once upon" && made.roles == "user")
      #expect((made.root["max_tokens"] ?? made.root["max_completion_tokens"])?.int == 7)
      #expect(Set(made.dropped).subtracting(["stop"]) == ["echo", "logprobs", "best_of"])
      #expect(made.root["stream"]?.bool == true && made.root["prompt"] == nil)
    }
    let list = try Made(#"{"prompt":["x"],"suffix":"end"}"#, .completions, .compatible)
    #expect(list.roles == "system user" && list.messages()[0]["content"]?.string?.hasSuffix("end") == true)
  }

  @Test(arguments: [#"{"prompt":[1,2]}"#, #"{"prompt":[]}"#, #"{"prompt":"x","n":2}"#, "{}"])
  func `what a chat cannot complete is refused`(_ text: String) throws {
    #expect(throws: DialectFault.self) { try Made(text, .completions, .compatible) }
  }

  @Test(arguments: [Dialect.chat, .messages])
  func `an answer is a completion again, whole and streamed`(_ wire: Dialect) throws {
    let context = AnswerContext(model: "mine", created: 5, unique: "u", wantsUsage: true)
    let usage = TokenUsage(input: 3, output: 2)
    let whole: [Dialect: String] = [
      .chat:
        #"{"id":"chatcmpl-1","choices":[{"index":0,"message":{"role":"assistant","content":"a time","reasoning_content":"hm"},"finish_reason":"length"}]}"#,
      .messages:
        #"{"id":"msg_1","content":[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"text","text":"a time"}],"stop_reason":"max_tokens"}"#,
    ]
    let answer = try #require(ProviderJSON(Array((whole[wire] ?? "").utf8)))
    let bytes = try #require(try Answers.translated(answer, from: wire, to: .completions, usage, context))
    let root = try JSONDocument(parsing: bytes).root
    #expect(root["object"]?.string == "text_completion" && root["choices"]?[0]?["text"]?.string == "a time")
    #expect(root["choices"]?[0]?["finish_reason"]?.string == "length" && root["usage"]?["prompt_tokens"]?.int == 3)
    var stream = try #require(AnswerTranslation(from: wire, to: .completions, context))
    var sent: [UInt8] = []
    for event in EventsFromWhole.events(answer.root, wire) where !event.data.elementsEqual("[DONE]".utf8) {
      try stream.take(try #require(ProviderJSON(Array(event.data))), named: event.event, to: &sent)
    }
    stream.finish(usage, to: &sent)
    var parser = ServerSentEventParser()
    let events = try parser.feed(sent)
    #expect(events.last?.data.elementsEqual("[DONE]".utf8) == true)
    let chunks = try events.dropLast().map { try JSONDocument(parsing: Array($0.data)).root }
    #expect(chunks.compactMap { $0["choices"]?[0]?["text"]?.string }.joined() == "a time")
    #expect(chunks.compactMap { $0["choices"]?[0]?["finish_reason"]?.string } == ["length"])
    #expect(chunks.last?["usage"]?["completion_tokens"]?.int == 2)
  }
}
