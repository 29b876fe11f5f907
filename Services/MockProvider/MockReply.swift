internal import HTTP
internal import HTTPWire
internal import JSON
internal import Primitives
internal import Reactor

/// One answer in the OpenAI wire format (chat.completion and chat.completion.chunk).
struct MockReply: Sendable {
  private static let pieceBytes = 24

  private let id: String
  private let model: String
  private let text: String
  private let toolCall: MockScript.ToolCall?
  private let finishReason: String
  private let created: Int64
  let inputTokens: Int64
  let outputTokens: Int64

  init(to asked: MockRequest, _ script: MockScript) {
    id = "chatcmpl-\(Hex.encode(UUID.version7().low))"
    model = asked.model
    created = WallClock.now().unixMicroseconds / 1_000_000
    inputTokens = asked.inputTokens
    toolCall = asked.hasToolResult ? nil : script.toolCall
    var answer = script.reply.replacing("{prompt}", with: asked.lastText)
    let wanted = Int64(answer.utf8.count / 4 + 1)
    let limit = asked.outputTokensMax ?? .max
    if wanted > limit, toolCall == nil {
      answer = String(decoding: answer.utf8.prefix(Int(max(0, limit)) * 4), as: UTF8.self)
    }
    text = toolCall == nil ? answer : ""
    outputTokens = toolCall == nil ? min(wanted, max(0, limit)) : 12
    finishReason = toolCall != nil ? "tool_calls" : wanted > limit ? "length" : "stop"
  }

  static func error(_ status: Int, _ code: String, _ message: String) -> HTTPResponse {
    var response = HTTPResponse.json(HTTPStatus(code: status)) { writer in
      writer.key("error")
      writer.beginObject()
      writer.member("message", message)
      writer.member(
        "type", status == 429 ? "rate_limit_error" : status >= 500 ? "server_error" : "invalid_request_error")
      writer.member("param", orNull: nil)
      writer.member("code", code)
      writer.endObject()
    }
    if status == 429 { response.headers.append(.retryAfter, "1") }
    return response
  }

  // MARK: Whole

  func whole() -> HTTPResponse {
    .json { writer in
      head("chat.completion", &writer)
      writer.key("choices")
      writer.beginArray()
      writer.beginObject()
      writer.member("index", Int64(0))
      writer.key("message")
      writer.beginObject()
      writer.member("role", "assistant")
      writer.member("content", orNull: toolCall == nil ? text : nil)
      if let toolCall { write(toolCall, indexed: false, &writer) }
      writer.endObject()
      writer.member("logprobs", orNull: nil)
      writer.member("finish_reason", finishReason)
      writer.endObject()
      writer.endArray()
      usage(&writer)
    }
  }

  private func head(_ object: String, _ writer: inout JSONWriter) {
    writer.member("id", id)
    writer.member("object", object)
    writer.member("created", created)
    writer.member("model", model)
  }

  private func usage(_ writer: inout JSONWriter) {
    writer.key("usage")
    writer.beginObject()
    writer.member("prompt_tokens", inputTokens)
    writer.member("completion_tokens", outputTokens)
    writer.member("total_tokens", inputTokens + outputTokens)
    writer.endObject()
  }

  private func write(_ call: MockScript.ToolCall, indexed: Bool, _ writer: inout JSONWriter) {
    writer.key("tool_calls")
    writer.beginArray()
    writer.beginObject()
    if indexed { writer.member("index", Int64(0)) }
    writer.member("id", "call_\(id.suffix(12))")
    writer.member("type", "function")
    writer.key("function")
    writer.beginObject()
    writer.member("name", call.name)
    writer.member("arguments", call.arguments)
    writer.endObject()
    writer.endObject()
    writer.endArray()
  }

  // MARK: Stream

  func stream(_ delay: Duration, withUsage: Bool) -> HTTPResponse {
    var response = HTTPResponse(
      .ok,
      body: .stream(length: nil) { [self] body in
        try await body.write(
          chunk(withUsage) {
            $0.member("role", "assistant"); $0.member("content", "")
          })
        if let toolCall {
          try await body.write(chunk(withUsage) { write(toolCall, indexed: true, &$0) })
        }
        for piece in pieces {
          if delay > .zero { try await EventLoop.sleep(for: delay) }
          try await body.write(chunk(withUsage) { $0.member("content", piece) })
        }
        try await body.write(chunk(withUsage, finish: finishReason) { _ in })
        if withUsage { try await body.write(usageChunk()) }
        try await body.write(Array("data: [DONE]\n\n".utf8))
      })
    response.headers.append(.contentType, "text/event-stream; charset=utf-8")
    response.headers.append(.cacheControl, "no-cache")
    return response
  }

  private var pieces: [String] {
    var pieces: [String] = []
    var current = ""
    for character in text {
      current.append(character)
      if current.utf8.count >= MockReply.pieceBytes {
        pieces.append(current)
        current = ""
      }
    }
    return current.isEmpty ? pieces : pieces + [current]
  }

  private func chunk(
    _ withUsage: Bool, finish: String? = nil, _ delta: (inout JSONWriter) -> Void
  ) -> [UInt8] {
    event { writer in
      head("chat.completion.chunk", &writer)
      writer.key("choices")
      writer.beginArray()
      writer.beginObject()
      writer.member("index", Int64(0))
      writer.key("delta")
      writer.beginObject()
      delta(&writer)
      writer.endObject()
      writer.member("finish_reason", orNull: finish)
      writer.endObject()
      writer.endArray()
      if withUsage { writer.member("usage", orNull: nil) }
    }
  }

  private func usageChunk() -> [UInt8] {
    event { writer in
      head("chat.completion.chunk", &writer)
      writer.key("choices")
      writer.beginArray()
      writer.endArray()
      usage(&writer)
    }
  }

  private func event(_ build: (inout JSONWriter) -> Void) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    build(&writer)
    writer.endObject()
    return Array("data: ".utf8) + writer.bytes + [10, 10]
  }
}
