import Contracts
import Dialects
import HTTPWire
import Ledger
import Routing
import ScriptedProvider
import Synchronization
import Testing

@Suite("Model calls", .serialized)
struct CallServiceTests {
  private typealias Model = CallFixture.Model

  private func failing(_ name: String, _ status: Int, times: Int = 0, code: String = "scripted_error") -> Model {
    Model(name) { script in
      script.status = status
      script.errorCode = code
      script.times = times
      script.retryAfterSeconds = 0
    }
  }

  private func text(_ answer: CallFixture.Answer) -> String? {
    AnswerText(whole: Array(answer.text.utf8), .chat)?.text
  }

  private func streamedText(_ answer: CallFixture.Answer) -> String? {
    AnswerText(stream: Array(answer.text.utf8), .chat)?.text
  }

  @Test func `the first model that can answers, and the call has one row`() async throws {
    try await CallFixture.run([Model("a"), Model("b")]) { fixture in
      let answer = try await fixture.ask("both")
      #expect(answer.status == 200 && answer.model == "a" && answer.attempts == "1")
      #expect(text(answer) == "answer of a")
      #expect(fixture.ledger.backlog == 1)
    }
  }

  @Test func `a model that fails is asked once more, then the next one answers`() async throws {
    try await CallFixture.run([failing("a", 500), Model("b")]) { fixture in
      let answer = try await fixture.ask("both")
      #expect(answer.status == 200 && answer.model == "b" && answer.attempts == "3")
      #expect(fixture.counts.calls.load(ordering: .relaxed) == 3)
      // Refusals cost nothing and have no rows of their own.
      #expect(fixture.ledger.backlog == 1)
    }
  }

  @Test func `a failure that passes does not reach the caller`() async throws {
    try await CallFixture.run([failing("a", 503, times: 1), Model("a")]) { fixture in
      let answer = try await fixture.ask("a")
      #expect(answer.status == 200 && answer.attempts == "2")
    }
  }

  @Test func `the fault of the caller is answered at once, and no other model is asked`() async throws {
    try await CallFixture.run([failing("a", 400), Model("b")]) { fixture in
      let answer = try await fixture.ask("both")
      #expect(answer.status == 400)
      #expect(fixture.counts.calls.load(ordering: .relaxed) == 1)
      #expect(fixture.ledger.backlog == 1)
    }
  }

  @Test func `when all fail the caller gets the last failure after the attempts of one call`() async throws {
    try await CallFixture.run([failing("a", 500), failing("b", 500)]) { fixture in
      let answer = try await fixture.ask("both")
      #expect(answer.status == 502)
      #expect(fixture.counts.calls.load(ordering: .relaxed) == 4)
    }
  }

  @Test func `a model that is silent is overtaken by a second one`() async throws {
    let silent = Model("a") { $0.fault = .hang }
    try await CallFixture.run([silent, Model("b")], adjust: { $0.hedgeMilliseconds = 1 }) { fixture in
      let answer = try await fixture.ask("both")
      #expect(answer.status == 200 && answer.model == "b")
      #expect(text(answer) == "answer of b")
    }
  }

  @Test func `a stream is passed on to its end, with one row`() async throws {
    let long = Model("a") { $0.reply = String(repeating: "word ", count: 100) }
    try await CallFixture.run([long]) { fixture in
      let answer = try await fixture.ask("a", stream: true)
      #expect(answer.status == 200 && answer.text.hasSuffix("data: [DONE]\n\n"))
      #expect(streamedText(answer) == String(repeating: "word ", count: 100))
      #expect(fixture.ledger.backlog == 1)
    }
  }

  @Test func `a stream that breaks before its first token is another model's`() async throws {
    let garbled = Model("a") { $0.fault = .garbage }
    try await CallFixture.run([garbled, Model("b")]) { fixture in
      let answer = try await fixture.ask("both", stream: true)
      #expect(answer.status == 200 && answer.model == "b")
      #expect(streamedText(answer) == "answer of b")
    }
  }

  @Test func `a stream that breaks in its middle ends with an error, and is charged once`() async throws {
    let cut = Model("a") { script in
      script.fault = .cut
      script.reply = String(repeating: "word ", count: 100)
    }
    try await CallFixture.run([cut, Model("b")]) { fixture in
      let answer = try await fixture.ask("both", stream: true)
      #expect(answer.status == 200 && answer.model == "a")
      #expect(answer.text.contains("\"error\"") && !answer.text.contains("[DONE]"))
      #expect(fixture.ledger.backlog == 1)
    }
  }

  @Test func `with rescue the next model goes on where a stream broke`() async throws {
    let cut = Model("a") { script in
      script.fault = .cut
      script.reply = String(repeating: "word ", count: 100)
    }
    try await CallFixture.run([cut, Model("b")], adjust: { $0.rescue = .continue }) { fixture in
      let answer = try await fixture.ask("both", stream: true)
      #expect(answer.text.contains(": continued by b"))
      #expect(streamedText(answer)?.hasPrefix("word word") == true)
      #expect(streamedText(answer)?.hasSuffix("answer of b") == true)
      #expect(answer.text.hasSuffix("data: [DONE]\n\n"))
      // The part that broke is charged in a row of its own.
      #expect(fixture.ledger.backlog == 2)
    }
  }

  @Test func `with a buffered stream nothing is sent of a model that breaks`() async throws {
    let cut = Model("a") { script in
      script.fault = .cut
      script.reply = String(repeating: "word ", count: 100)
    }
    try await CallFixture.run([cut, Model("b")], adjust: { $0.rescue = .buffer }) { fixture in
      let answer = try await fixture.ask("both", stream: true)
      #expect(answer.model == "b" && streamedText(answer) == "answer of b")
      // It was asked twice, and each of its broken answers is charged in a row of its own.
      #expect(fixture.ledger.backlog == 3)
    }
  }

  @Test func `without a credential or a known model no provider is called`() async throws {
    try await CallFixture.run([Model("a")]) { fixture in
      let unknown = try await fixture.ask("nothing")
      #expect(unknown.status == 404)
      let anonymous = try await fixture.send(.post, "/v1/chat/completions", isAnonymous: true, body: "{}")
      #expect(anonymous.status == 401)
      #expect(fixture.counts.calls.load(ordering: .relaxed) == 0)
      #expect(fixture.ledger.backlog == 0)
    }
  }
}
