internal import HTTPWire
internal import JSON

/// The words of an answer, to be checked.
public struct AnswerText: Sendable, Hashable {
  /// All text, without thoughts.
  public var text = ""
  /// Whether tools are called; then there need be no text.
  public var hasCalls = false

  /// No words.
  public init() {}

  /// Reads a whole answer in a dialect; nil when it cannot be read.
  public init?(whole bytes: [UInt8], _ dialect: Dialect) {
    guard let root = try? JSONDocument(parsing: bytes).root else { return nil }
    switch dialect {
    case .chat, .embeddings:
      guard let message = root["choices"]?[0]?["message"] else { return nil }
      text = message["content"]?.string ?? ""
      hasCalls = (message["tool_calls"]?.count ?? 0) > 0
    case .messages: take(root["content"], text: "text", call: "tool_use")
    case .responses: takeOutput(root["output"])
    }
  }

  /// Reads a whole stream in a dialect; nil when it cannot be read.
  public init?(stream bytes: [UInt8], _ dialect: Dialect) {
    var parser = ServerSentEventParser()
    guard let events = try? parser.feed(bytes) else { return nil }
    for event in events where !event.data.elementsEqual("[DONE]".utf8) {
      guard let root = try? JSONDocument(parsing: Array(event.data)).root else { return nil }
      switch dialect {
      case .chat, .embeddings:
        let delta = root["choices"]?[0]?["delta"]
        text += delta?["content"]?.string ?? ""
        if (delta?["tool_calls"]?.count ?? 0) > 0 { hasCalls = true }
      case .messages:
        if root["delta"]?["type"]?.string == "text_delta" { text += root["delta"]?["text"]?.string ?? "" }
        if root["content_block"]?["type"]?.string == "tool_use" { hasCalls = true }
      case .responses:
        let type = root["type"]?.string
        if type == "response.completed" || type == "response.incomplete" { takeOutput(root["response"]?["output"]) }
      }
    }
  }

  private mutating func take(_ blocks: JSONView?, text member: String, call: String) {
    guard let blocks else { return }
    for block in blocks.elements {
      if block["type"]?.string == call { hasCalls = true }
      if block["type"]?.string == member { text += block["text"]?.string ?? "" }
    }
  }

  private mutating func takeOutput(_ items: JSONView?) {
    guard let items else { return }
    for item in items.elements {
      if item["type"]?.string == "function_call" { hasCalls = true }
      guard let parts = item["content"] else { continue }
      for part in parts.elements where part["type"]?.string == "output_text" { text += part["text"]?.string ?? "" }
    }
  }
}
