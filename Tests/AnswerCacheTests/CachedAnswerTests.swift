import Pricing
import Testing

@testable import AnswerCache

@Suite struct CachedAnswerTests {
  @Test func `an answer comes back as it was stored`() throws {
    let answer = CachedAnswer(
      model: "m", provider: "p",
      usage: TokenUsage(input: 1, cacheRead: 2, cacheWrite: 3, output: 4, reasoning: 5), nanoUSD: 6,
      contentType: "text/event-stream", body: Array("data: 1\n\ndata: 2\n\n".utf8))
    let read = try #require(CachedAnswer(bytes: answer.bytes))
    #expect(read.model == "m" && read.provider == "p" && read.nanoUSD == 6 && read.body == answer.body)
    #expect(read.usage == answer.usage && read.contentType == answer.contentType)
  }

  @Test func `what is no answer is none`() {
    for text in ["", "\n", "{}\nbody", "{\"model\": \"m\"}\nbody", "no line"] {
      #expect(CachedAnswer(bytes: Array(text.utf8)) == nil)
    }
  }
}
