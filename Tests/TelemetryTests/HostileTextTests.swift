import Foundation
import Synchronization
import Testing

@testable import Telemetry

/// Text from outside that reaches log lines, headers and exports.
@Suite struct HostileTextTests {
  @Test(arguments: ["x-api-key", "api_key", "apiKey", "Private-Key", "set-cookie", "db.password"])
  func `fields are secret in every spelling of their name`(name: String) {
    #expect(LogText.isSecret(name))
  }

  @Test(arguments: ["input_tokens", "max_tokens", "token_count", "path", "status"])
  func `counts and plain fields are no secrets`(name: String) {
    #expect(!LogText.isSecret(name))
  }

  @Test(arguments: [
    ("postgres://u:p@ss@h/db", "ss@"), ("BEARER abcdefghijk", "abcdefghijk"), ("http://:hunter2@h/", "hunter2"),
  ])
  func `secrets in values are hidden whole`(text: String, secret: String) {
    #expect(!LogText.masked(text).contains(secret))
  }

  @Test func `every control character is escaped as JSON wants it`() throws {
    let text = String(String.UnicodeScalarView((0..<0x80).compactMap { Unicode.Scalar($0) })) + "é😀\u{2028}"
    let decoded = try JSONSerialization.jsonObject(with: Data("[\(LogText.quoted(text))]".utf8)) as? [String]
    #expect(decoded == [text])
  }

  @Test func `no line is longer than the limit, and a cut one keeps what came first`() throws {
    let sink = MemoryLogSink()
    let logger = Logger(service: "s", minimum: .debug, sink: sink)
    let wide = String(repeating: "\u{1}", count: 4096)
    logger.error(String(repeating: "m", count: 100_000), ["first": .int(1), "wide": .string(wide)])
    let line = try #require(sink.lines.first)
    #expect(line.utf8.count <= Logger.lineBytesMax)
    let members = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    #expect(members["level"] as? String == "error" && members["first"] as? Int == 1 && members["cut"] as? Bool == true)
  }

  @Test(arguments: ["A=1", "a b=1", "@a=1", "a@=1", "a@b@c=1", "a=", "a=b=c", "a=1,B=2", "é=1", "a=\r\n"])
  func `a tracestate outside the grammar is dropped`(state: String) {
    let header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    #expect(TraceContext(traceparent: header, tracestate: state)?.state == nil)
  }

  @Test(arguments: ["a=1", "0vendor@tenant=x y", "a=1 ,\tb=2", "a=1,,b=2", "a_-*/=!~"])
  func `a tracestate inside the grammar is handed on`(state: String) {
    let header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    #expect(TraceContext(traceparent: header, tracestate: state)?.state == state)
  }

  @Test(arguments: ["a=%0d%0aevil:%201", "a=%+5", "a=%5", "a=%zz", "a=%ff"])
  func `bad header settings are faults`(text: String) {
    let settings = OTelSettings(environment: ["OTEL_EXPORTER_OTLP_HEADERS": text])
    #expect(settings.faults.contains { $0.contains("OTEL_EXPORTER_OTLP_HEADERS") })
    #expect(settings.traces.headers.isEmpty)
  }

  @Test func `numbers that are not finite keep their names in the JSON export`() throws {
    let span = FinishedSpan(
      context: TraceContext(traceHigh: 1, traceLow: 1, spanID: 1, isSampled: true), parentID: 0, name: "n",
      kind: .internal, startUnixNanoseconds: 1, endUnixNanoseconds: 2,
      attributes: [("a", .double(.nan)), ("b", .double(.infinity)), ("c", .double(-.infinity))], error: nil)
    let text = String(decoding: OTLPEncoder.traces([span], OTLPResource(attributes: []), .json).body, as: UTF8.self)
    for value in ["\"NaN\"", "\"Infinity\"", "\"-Infinity\""] { #expect(text.contains("\"doubleValue\":\(value)")) }
  }
}
