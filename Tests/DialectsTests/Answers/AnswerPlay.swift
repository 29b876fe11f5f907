import Dialects
import HTTPWire
import JSON
import Pricing
import Testing

/// Plays a provider's answers to callers of every dialect.
enum AnswerPlay {
  static let unique = "00ff"

  static func context(_ names: NameMap = NameMap(), echo: ResponseEcho = .none) -> AnswerContext {
    AnswerContext(
      model: "mine", created: 5, unique: unique, promptEstimate: 12, wantsUsage: true, names: names, echo: echo)
  }

  /// The data lines of chunks: a delta and a finish reason, or any data.
  static func chunk(_ delta: String, _ finish: String? = nil) -> String {
    let reason = finish.map { "\"\($0)\"" } ?? "null"
    return #"{"id":"chatcmpl-1","choices":[{"index":0,"delta":\#(delta),"finish_reason":\#(reason)}]}"#
  }

  static func call(_ call: String) -> String { chunk(#"{"tool_calls":[\#(call)]}"#) }

  /// A stream as it came from a provider, in the dialect of a caller. Throws `StreamFault`.
  static func bytes(
    _ data: [String], from wire: Dialect = .chat, to dialect: Dialect, _ context: AnswerContext = context()
  ) throws -> [UInt8] {
    var stream: [UInt8] = []
    for line in data { ServerSentEvent(data: Array(line.utf8)).append(to: &stream) }
    return try bytes(stream: [stream], from: wire, to: dialect, context)
  }

  static func bytes(
    stream pieces: [[UInt8]], from wire: Dialect, to dialect: Dialect, _ context: AnswerContext = context()
  ) throws -> [UInt8] {
    var parser = ServerSentEventParser()
    var inspector = StreamInspector(wire)
    var translation = try #require(AnswerTranslation(from: wire, to: dialect, context))
    var bytes: [UInt8] = []
    for piece in pieces {
      for event in try parser.feed(piece) {
        let inspection = try inspector.inspect(event)
        if let parsed = inspection.parsed { try translation.take(parsed, named: event.event, to: &bytes) }
      }
    }
    let estimate = TokenUsage(input: 12, output: Int64((inspector.contentBytes + 2) / 3))
    translation.finish(TokenUsage.accounted(inspector.usage, estimate: estimate).usage, to: &bytes)
    return bytes
  }

  static func seen(
    _ data: [String], from wire: Dialect = .chat, to dialect: Dialect, _ context: AnswerContext = context()
  ) throws -> Understood {
    let made = try bytes(data, from: wire, to: dialect, context)
    do { return try StrictReader.read(made, dialect) } catch {
      throw Refused(reason: "\(error) in \(String(decoding: made, as: UTF8.self))")
    }
  }

  /// What callers of all dialects understand of a whole answer.
  static func whole(
    _ body: String, from wire: Dialect = .chat, to dialect: Dialect, _ context: AnswerContext = context()
  ) throws -> Understood {
    try Understood(whole: wholeBytes(body, from: wire, to: dialect, context), dialect)
  }

  static func wholeBytes(
    _ body: String, from wire: Dialect = .chat, to dialect: Dialect, _ context: AnswerContext = context()
  ) throws -> [UInt8] {
    let answer = try #require(ProviderJSON(Array(body.utf8)))
    let told: TokenUsage? =
      wire == .chat ? TokenUsage(chatAnswer: answer.root) : TokenUsage(messages: answer.root["usage"])
    let estimate = TokenUsage(input: 12, output: Int64((Answers.contentBytes(answer.root, wire) + 2) / 3))
    let usage = TokenUsage.accounted(told, estimate: estimate).usage
    return try #require(try Answers.translated(answer, from: wire, to: dialect, usage, context))
  }
}
