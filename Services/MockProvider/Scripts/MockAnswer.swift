internal import JSON
internal import Primitives
internal import SystemSources

/// What is answered, before it is written in a dialect.
struct MockAnswer: Sendable {
  private static let pieceBytes = 24
  private static let bytesMax = 64 << 20
  private static let toolTokens: Int64 = 12

  let id: String
  let model: String
  let created: Int64
  let text: String
  let toolCalls: [MockScript.ToolCall]
  /// Whether the answer was longer than allowed.
  let isCut: Bool
  /// The whole prompt, with what came from the cache or went into it.
  let inputTokens: Int64
  let cacheReadTokens: Int64
  let cacheWriteTokens: Int64
  let outputTokens: Int64
  let reportsUsage: Bool
  let reportsWrongUsage: Bool

  init(to request: MockRequest, _ script: MockScript) {
    id = Hex.encode(UUID.version7().low)
    model = request.model
    created = WallClock.now().unixMicroseconds / 1_000_000
    let isAsking = request.toolResult == nil || script.asksAgain
    toolCalls = isAsking ? script.toolCalls.map { MockAnswer.fill($0, request) } : []
    let result = MockAnswer.fill(script.reply, "{tool_result}", with: request.toolResult ?? "")
    let answer = MockAnswer.fill(result, "{prompt}", with: request.lastText)
    let wanted = Int64(answer.utf8.count / 4 + 1)
    let limit = max(1, request.outputTokensMax ?? .max)
    isCut = wanted > limit && toolCalls.isEmpty
    if !toolCalls.isEmpty {
      text = ""
      outputTokens = MockAnswer.toolTokens * Int64(toolCalls.count)
    } else {
      text = isCut ? String(decoding: answer.utf8.prefix(Int(limit) * 4), as: UTF8.self) : answer
      outputTokens = min(wanted, limit)
    }
    cacheReadTokens = min(script.cacheReadTokens, request.inputTokens)
    cacheWriteTokens = min(script.cacheWriteTokens, request.inputTokens - cacheReadTokens)
    inputTokens = request.inputTokens
    reportsUsage = script.fault != .noUsage
    reportsWrongUsage = script.fault == .wrongUsage
  }

  /// Puts a text into a reply, as often as the largest answer allows.
  private static func fill(_ reply: String, _ mark: String, with text: String) -> String {
    guard reply.containsBytes(of: mark) else { return reply }
    let room = max(0, MockAnswer.bytesMax - reply.utf8.count)
    return reply.replacing(mark, with: text, maxReplacements: max(1, room / max(1, text.utf8.count)))
  }

  /// The same in arguments, which stay JSON: a text within quotes stays within them.
  private static func fill(_ call: MockScript.ToolCall, _ request: MockRequest) -> MockScript.ToolCall {
    func inner(_ text: String) -> String {
      var writer = JSONWriter()
      writer.string(text)
      return String(decoding: writer.bytes.dropFirst().dropLast(), as: UTF8.self)
    }
    var arguments = call.arguments
    for (mark, text) in [("{tool_result}", request.toolResult ?? ""), ("{prompt}", request.lastText)]
    where arguments.containsBytes(of: mark) { arguments = fill(arguments, mark, with: inner(text)) }
    return MockScript.ToolCall(name: call.name, arguments: arguments)
  }

  var pieces: [String] {
    guard text.utf8.count > MockAnswer.pieceBytes else { return text.isEmpty ? [] : [text] }
    var pieces: [String] = []
    var current = ""
    for character in text {
      current.append(character)
      if current.utf8.count >= MockAnswer.pieceBytes {
        pieces.append(current)
        current = ""
      }
    }
    return current.isEmpty ? pieces : pieces + [current]
  }

  func callID(_ index: Int) -> String { "call_\(id.suffix(10))\(index)" }
}

/// A stream in a dialect: what comes before the text, the text piece by piece, what comes after it.
struct MockEvents: Sendable {
  var opening: [[UInt8]] = []
  var pieces: [[UInt8]] = []
  var closing: [[UInt8]] = []

  /// An event, with its name in the dialects that name them.
  static func event(_ name: String? = nil, _ build: (inout JSONWriter) -> Void) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    if let name { writer.member("type", name) }
    build(&writer)
    writer.endObject()
    return Array((name.map { "event: \($0)\ndata: " } ?? "data: ").utf8) + writer.bytes + [10, 10]
  }
}
