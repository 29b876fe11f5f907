import Dialects
import HTTPWire
import JSON
import Pricing
import Testing

/// Streams that break, in the eyes of every client.
@Suite struct StreamFaultTests {
  private func inspect(_ wire: Dialect, _ text: String, named name: String? = nil) throws -> StreamInspector.Inspection
  {
    var inspector = StreamInspector(wire)
    return try inspector.inspect(ServerSentEvent(event: name, data: Array(text.utf8)))
  }

  @Test(arguments: [
    (Dialect.chat, #"{"error":{"message":"overloaded","code":"x"}}"#, "x", "overloaded"),
    (.chat, #"{"error":{"message":"gone","code":502}}"#, "502", "gone"),
    (.chat, #"{"error":"no luck"}"#, "provider_error", "no luck"),
    (.chat, #"{"choices":[{"delta":{"content":""},"error":{"message":"m","type":"t"}}]}"#, "t", "m"),
    (.messages, #"{"type":"error","error":{"type":"overloaded_error","message":"o"}}"#, "overloaded_error", "o"),
    (.responses, #"{"type":"error","code":"server_error","message":"o"}"#, "server_error", "o"),
    (.responses, #"{"type":"response.failed","response":{"error":{"code":"c","message":"o"}}}"#, "c", "o"),
  ])
  func `errors in a stream are found in all their shapes`(
    _ wire: Dialect, _ text: String, _ code: String, _ message: String
  ) throws {
    let fault = #expect(throws: StreamFault.self) { try inspect(wire, text) }
    #expect(fault == StreamFault(code: code, message: message))
  }

  @Test func `a finish reason may be an error, and an event may have the name of one`() throws {
    #expect(throws: StreamFault.self) { try inspect(.chat, AnswerPlay.chunk("{}", "error")) }
    let fault = #expect(throws: StreamFault.self) { try inspect(.chat, #"{"message":"down"}"#, named: "error") }
    #expect(fault?.message == "down")
  }

  @Test(arguments: ["<html>", "[1]", "nothing", "{\"a\":", "\u{0}"])
  func `garbage is no error of the provider`(_ text: String) {
    let fault = #expect(throws: StreamFault.self) { try inspect(.chat, text) }
    #expect(fault?.code == StreamFault.garbageCode)
  }

  @Test func `a response that breaks has failed, and its numbers go on`() throws {
    var translation = try #require(AnswerTranslation(from: .chat, to: .responses, AnswerPlay.context()))
    var bytes: [UInt8] = []
    for delta in [#"{"content":"half of "}"#, #"{"content":"it"}"#] {
      let parsed = try #require(ProviderJSON(Array(AnswerPlay.chunk(delta).utf8)))
      try translation.take(parsed, to: &bytes)
    }
    let wasTold = translation.fail(status: 502, code: "provider_error", message: "It broke off.", to: &bytes)
    #expect(wasTold && translation.isOver)
    #expect(try StrictReader.read(bytes, .responses).error == "provider_error")
    // Nothing follows.
    let length = bytes.count
    translation.finish(.init(), to: &bytes)
    #expect(bytes.count == length)
  }

  @Test func `a response that breaks before its begin has failed too`() throws {
    var translation = try #require(AnswerTranslation(from: .messages, to: .responses, AnswerPlay.context()))
    var bytes: [UInt8] = []
    _ = translation.fail(status: 504, code: "provider_timeout", message: "It is late.", to: &bytes)
    #expect(try StrictReader.read(bytes, .responses).error == "provider_timeout")
  }

  @Test func `a response in the caller's own dialect goes on with the provider's numbers`() throws {
    var inspector = StreamInspector(.responses)
    var bytes: [UInt8] = []
    for text in [
      #"{"type":"response.created","sequence_number":0,"response":{"id":"resp_7","status":"in_progress","model":"x"}}"#,
      #"{"type":"response.in_progress","sequence_number":1,"response":{"id":"resp_7","status":"in_progress"}}"#,
    ] {
      let event = ServerSentEvent(event: try JSONDocument(parsing: text).root["type"]?.string, data: Array(text.utf8))
      _ = try inspector.inspect(event)
      event.append(to: &bytes)
    }
    let failed =
      #"{"type":"response.failed","sequence_number":2,"response":{"id":"resp_7","error":{"code":"server_error"}}}"#
    #expect(throws: StreamFault.self) { try inspector.inspect(ServerSentEvent(data: Array(failed.utf8))) }
    bytes += inspector.failure(status: 502, code: "server_error", message: "It failed midway.")
    #expect(try StrictReader.read(bytes, .responses).error == "server_error")
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
    for dialect in [Dialect.chat, .messages, .responses] {
      let event = dialect.errorEvent(status: 502, code: "c", message: "line\nbreak", id: "r")
      #expect(try StrictReader.read(event, dialect).error != nil)
    }
  }

  @Test func `after the end nothing is heard`() throws {
    var translation = try #require(AnswerTranslation(from: .chat, to: .messages, AnswerPlay.context()))
    var bytes: [UInt8] = []
    translation.finish(.init(), to: &bytes)
    let length = bytes.count
    try translation.take(try #require(ProviderJSON(Array(AnswerPlay.chunk(#"{"content":"late"}"#).utf8))), to: &bytes)
    #expect(bytes.count == length)
  }
}
