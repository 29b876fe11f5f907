import Dialects
import HTTP
import HTTPTestKit
import JSON
import Primitives
import SystemSources
import Testing

@testable import ModelCalls

@Suite("Provider streams")
struct ProviderStreamTests {
  private static let hour: UInt64 = 3_600_000_000_000
  private let start = MonotonicClock.now()

  private func stream(
    _ body: ScriptedBody, dialect: Dialect = .chat, role: StreamRole = .only, bytesMax: Int = 1 << 20,
    options: String = ""
  ) throws -> ProviderStream {
    let json =
      dialect == .messages
      ? #"{"model":"m","max_tokens":100,"stream":true,"messages":[{"role":"user","content":"x"}]}"#
      : #"{"model":"m","stream":true\#(options),"messages":[{"role":"user","content":"x"}]}"#
    return ProviderStream(
      body, wire: .chat, request: try CallRequest(try JSONDocument(parsing: json), dialect),
      translation: RequestTranslation(), model: "m", created: 1, bytesMax: bytesMax,
      limits: StreamLimits(
        provider: "p", firstTokenBy: start &+ Self.hour, stallNanoseconds: 2 * Self.hour,
        deadline: start &+ 9 * Self.hour),
      role: role)
  }

  private func delta(_ text: String, finish: String = "null") -> String {
    #"data: {"choices":[{"index":0,"delta":{"content":"\#(text)"},"finish_reason":\#(finish)}]}"# + "\n\n"
  }

  private func rest(of stream: ProviderStream) async throws -> String {
    var bytes: [UInt8] = []
    while let piece = try await stream.next() { bytes += piece }
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test func `opening waits for the first token and no longer`() async throws {
    let role = #"data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"# + "\n\n"
    let stream = try stream(
      ScriptedBody(.piece(": hello\n\n"), .piece(role), .piece(delta("a") + delta("b")), .piece("data: [DONE]\n\n")))
    let first = String(decoding: try await stream.open(), as: UTF8.self)
    #expect(first.contains(#""content":"a""#) && !first.contains(#""content":"b""#))
    #expect(stream.hasContent)
  }

  @Test func `before the first token its own deadline counts, after it the time between tokens`() async throws {
    let body = ScriptedBody(.piece(delta("a")), .piece(delta("b", finish: "\"stop\"")), .piece("data: [DONE]\n\n"))
    let stream = try stream(body)
    _ = try await stream.open()
    _ = try await rest(of: stream)
    let deadlines = body.deadlines
    #expect(deadlines[0] == start &+ Self.hour)
    #expect(deadlines[1] >= start &+ 2 * Self.hour && deadlines[1] < start &+ 3 * Self.hour)
    // After the finish reason the end comes within a second or not at all.
    #expect(deadlines[2] < start &+ Self.hour)
  }

  @Test func `a complete answer is passed on unchanged, whatever the connection does then`() async throws {
    let stream = try stream(
      ScriptedBody(.piece(delta("a")), .piece(delta("b", finish: "\"stop\"")), .failure(.connectionLost)))
    let text = try await rest(of: stream)
    #expect(text == delta("a") + delta("b", finish: "\"stop\"") + "data: [DONE]\n\n")
    #expect(stream.isAnswered)
  }

  @Test func `a stream that ends before its finish reason is broken`() async throws {
    let stream = try stream(ScriptedBody(.piece(delta("a")), .end))
    let error = await #expect(throws: HTTPClientError.self) { try await rest(of: stream) }
    #expect(error?.code == .connectionLost)
  }

  @Test func `no token in time is the provider's time-out, before or after it began`() async throws {
    let silent = try stream(ScriptedBody(.failure(.timedOut)))
    let before = await #expect(throws: CallFailure.self) { try await silent.open() }
    #expect(before?.code == "provider_timeout" && before?.message.contains("did not begin") == true)
    let stalled = try stream(ScriptedBody(.piece(delta("a")), .failure(.timedOut)))
    _ = try await stalled.open()
    let after = await #expect(throws: CallFailure.self) { try await rest(of: stalled) }
    #expect(after?.code == "provider_timeout" && after?.message.contains("stopped") == true)
  }

  @Test func `an error in the stream is thrown, and one behind the finish reason takes nothing back`() async throws {
    let event = #"data: {"error":{"message":"no","code":"overloaded"}}"# + "\n\n"
    let broken = try stream(ScriptedBody(.piece(delta("a") + event)))
    await #expect(throws: StreamFault.self) { try await rest(of: broken) }
    let complete = try stream(ScriptedBody(.piece(delta("a", finish: "\"stop\"") + event)))
    #expect(try await rest(of: complete).hasSuffix("data: [DONE]\n\n"))
  }

  @Test func `events that are no JSON are left out, but not without bound`() async throws {
    let few = try stream(ScriptedBody(.piece("data: oops\n\n" + delta("a", finish: "\"stop\""))))
    #expect(try await rest(of: few).contains(#""content":"a""#))
    let many = try stream(ScriptedBody(.piece(String(repeating: "data: oops\n\n", count: 33))))
    await #expect(throws: StreamFault.self) { try await rest(of: many) }
  }

  @Test func `the usage of the ledger is passed on to those who asked for it alone`() async throws {
    let usage =
      #"data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}"# + "\n\n"
    func body() -> ScriptedBody {
      ScriptedBody(.piece(delta("a", finish: "\"stop\"")), .piece(usage), .piece("data: [DONE]\n\n"))
    }
    let plain = try await rest(of: try stream(body()))
    #expect(!plain.contains("\"usage\"") && plain.hasSuffix("data: [DONE]\n\n"), "\(plain)")
    let asked = try stream(body(), options: #","stream_options":{"include_usage":true}"#)
    #expect(try await rest(of: asked).contains(#""total_tokens":3"#))
    #expect(asked.inspector.usage != nil)
  }

  @Test func `a stream is broken off beyond its largest size`() async throws {
    let stream = try stream(ScriptedBody(.piece(delta("a")), .piece(delta("b"))), bytesMax: 100)
    let fault = await #expect(throws: StreamFault.self) { try await rest(of: stream) }
    #expect(fault?.code == "answer_too_large")
  }

  @Test func `another provider goes on with the text, in one answer`() async throws {
    let first = try stream(ScriptedBody(.piece(delta("Hello, ")), .failure(.connectionLost)), role: .continuable)
    let opened = String(decoding: try await first.open(), as: UTF8.self)
    await #expect(throws: HTTPClientError.self) { try await rest(of: first) }
    #expect(first.continuableText == "Hello, ")
    let second = try stream(
      ScriptedBody(.piece(delta("world")), .piece(delta("!", finish: "\"stop\"")), .piece("data: [DONE]\n\n")),
      role: .continuation)
    _ = try await second.open()
    let closing = try #require(first.continued(by: second))
    let text = opened + String(decoding: closing, as: UTF8.self) + (try await rest(of: first))
    let answer = AnswerText(stream: Array(text.utf8), .chat)
    #expect(answer?.text == "Hello, world!")
    #expect(text.hasSuffix("data: [DONE]\n\n"))
  }

  @Test func `an answer with calls of tools is not continued by another provider`() async throws {
    let call =
      #"data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","type":"function","function":{"name":"f","arguments":"{"}}]}}]}"#
      + "\n\n"
    let stream = try stream(
      ScriptedBody(.piece(delta("I look. ")), .piece(call), .failure(.connectionLost)), role: .continuable)
    _ = try await stream.open()
    #expect(stream.continuableText == "I look. ")
    await #expect(throws: HTTPClientError.self) { try await rest(of: stream) }
    #expect(stream.continuableText == nil)
  }
}
