package import JSON
package import MCP

/// Turns results into text for models and files for people. Pure.
package struct ResultRendering: Sendable {
  /// A file to be stored.
  package struct File: Equatable, Sendable {
    /// What it is called, without a folder.
    package let name: String
    /// The content.
    package let bytes: [UInt8]
    /// The media type as the server says.
    package let mediaType: String
  }

  /// What the model reads, without control characters.
  package private(set) var text = ""
  /// Files, in order.
  package private(set) var files: [File] = []

  /// Nothing yet.
  package init() {}

  /// Adds the content of a result. `prefix` begins the names of its files.
  package init(_ content: [MCPContent], structured: JSONView?, prefix: String) {
    for part in content { add(part, prefix) }
    // Servers should send the same as text; where they did not, the model reads the structured form.
    if let structured, !content.contains(where: { if case .text = $0 { true } else { false } }) {
      line(String(decoding: structured.rawBytes, as: UTF8.self))
    }
    if text.isEmpty { text = "(no content)" }
  }

  /// Adds a line of text.
  package mutating func line(_ value: String) {
    if !text.isEmpty { text += "\n" }
    text += MCPText.plain(value)
  }

  private mutating func add(_ part: MCPContent, _ prefix: String) {
    switch part {
    case .text(let value): line(value)
    case .media(let bytes, let mediaType): file(bytes, mediaType, prefix)
    case .link(let uri, let name, let mediaType):
      line("[resource \(name)\(mediaType.map { ", \($0)" } ?? ""): \(uri)]")
    case .textResource(let uri, let value, _):
      line("[resource \(uri)]")
      line(value)
    case .blobResource(let uri, let bytes, let mediaType):
      line("[resource \(uri)]")
      file(bytes, mediaType ?? "application/octet-stream", prefix)
    }
  }

  private mutating func file(_ bytes: [UInt8], _ mediaType: String, _ prefix: String) {
    let name = "\(prefix)-\(files.count + 1).\(ResultRendering.ending(mediaType))"
    files.append(File(name: name, bytes: bytes, mediaType: mediaType))
    line("[file \(name), \(mediaType), \(bytes.count) bytes]")
  }

  private static func ending(_ mediaType: String) -> String {
    switch mediaType.lowercased() {
    case "image/png": "png"
    case "image/jpeg": "jpg"
    case "image/gif": "gif"
    case "image/webp": "webp"
    case "image/svg+xml": "svg"
    case "audio/wav", "audio/x-wav": "wav"
    case "audio/mpeg": "mp3"
    case "application/pdf": "pdf"
    case "application/json": "json"
    default: "bin"
    }
  }
}
