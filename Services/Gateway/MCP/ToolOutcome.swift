internal import HTTP
internal import JSON
internal import MCP

/// What came of a call of a tool.
struct ToolOutcome: Sendable {
  /// Longest text for the model, in bytes. Programs get all of it as structured content.
  static let textBytesMax = 256 << 10

  let text: String
  let structured: JSONDocument?
  /// Content besides the text.
  var parts: [MCPContent] = []
  /// Why it failed: a stable code; `nil` when it did not.
  let failure: String?

  /// A document of the API, as text and as structured content.
  init(_ document: JSONDocument) {
    text = ToolOutcome.text(document.bytes)
    structured = document
    failure = nil
  }

  /// A failure that the model may read and act on.
  init(failure code: String, _ sentence: String) {
    text = MCPText.plain(sentence, bytesMax: ToolOutcome.textBytesMax)
    structured = nil
    failure = code
  }

  /// A problem of the gateway, or of a service behind it that did not answer.
  init(_ problem: Problem) {
    self.init(failure: problem.code, ToolOutcome.sentence(problem.detail, problem.code, problem.faults.map(\.line)))
  }

  /// The answer of the API to what it did not do.
  init(refusal answer: [UInt8], status: UInt16) {
    guard let root = try? JSONDocument(parsing: answer).root, let detail = root["detail"]?.string else {
      self.init(
        failure: "upstream_failed", "The API answered with status \(status) and nothing else. (upstream_failed)")
      return
    }
    let code = root["code"]?.string ?? "upstream_failed"
    let faults = (root["errors"].map { Array($0.elements) } ?? []).prefix(20).map { fault in
      FieldFault(
        pointer: fault["pointer"]?.string ?? "", code: fault["code"]?.string ?? "",
        detail: fault["detail"]?.string ?? "")
    }
    self.init(failure: code, ToolOutcome.sentence(detail, code, faults.map(\.line)))
  }

  private static func sentence(_ detail: String, _ code: String, _ faults: [String]) -> String {
    (["\(detail) (\(code))"] + faults).joined(separator: "\n")
  }

  private static func text(_ bytes: [UInt8]) -> String {
    guard bytes.count > textBytesMax else { return String(decoding: bytes, as: UTF8.self) }
    // The cut is not inside of a character.
    var end = textBytesMax
    while end > 0, bytes[end] & 0xC0 == 0x80 { end -= 1 }
    return String(decoding: bytes[..<end], as: UTF8.self)
      + "\n[cut: \(bytes.count) bytes in all; structuredContent has the rest]"
  }

  /// Writes the members of the result of `tools/call`.
  func write(stateless: Bool, to writer: inout JSONWriter) {
    MCPToolResult(content: [.text(text)] + parts, structured: structured?.root, isError: failure != nil)
      .write(stateless: stateless, to: &writer)
  }
}

extension FieldFault {
  fileprivate var line: String { "- \(pointer): \(detail)" }
}
