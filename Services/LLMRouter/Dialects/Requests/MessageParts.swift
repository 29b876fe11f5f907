internal import JSON

/// Blocks of a user's turn or a tool's result (Anthropic) as parts of a chat message.
enum MessageParts {
  static func intoChat(
    _ block: JSONNode, _ path: String, _ context: inout RequestContext
  ) throws(DialectFault) -> [JSONNode] {
    let type = block["type"]?.string ?? ""
    switch type {
    case "text":
      if (block["citations"]?.count ?? 0) > 0 { context.omissions.add("messages.content.citations") }
      return [.text(block["text"])]
    case "image":
      guard let url = MediaSource.url(block["source"]) else { throw fileFault(path) }
      return [.typed("image_url", ("image_url", .members(("url", .string(url)))))]
    case "document": return try document(block, path, &context)
    case "search_result": return [.text(searchResult(block))]
    case "tool_reference":
      return [.text("The tool \"\(block["tool_name"]?.string ?? block["name"]?.string ?? "")\" can be called now.")]
    default:
      throw DialectFault("A block of type \"\(type)\" cannot be sent to this model.", at: "\(path).type")
    }
  }

  private static func fileFault(_ path: String) -> DialectFault {
    DialectFault("The source must be \"base64\" or \"url\".", at: "\(path).source.type")
  }

  private static func document(
    _ block: JSONNode, _ path: String, _ context: inout RequestContext
  ) throws(DialectFault) -> [JSONNode] {
    if block["citations"]?["enabled"]?.bool == true { context.omissions.add("messages.content.citations") }
    let title = block["title"]?.string
    let source = block["source"]
    let head = [title.map { "Document: \($0)" }, block["context"]?.string].compactMap { $0 }
    switch source?["type"]?.string {
    case "text": return [.text((head + [source?["data"]?.string ?? ""]).joined(separator: "\n"))]
    case "content":
      var parts = head.isEmpty ? [] : [JSONNode.text(head.joined(separator: "\n"))]
      if let text = source?["content"]?.string { return parts + [.text(text)] }
      for (index, part) in (source?["content"]?.elements ?? []).enumerated() {
        parts += try intoChat(part, "\(path).source.content[\(index)]", &context)
      }
      return parts
    case "url":
      // Chat completions take files by their content only.
      context.omissions.add("messages.content.source.url")
      let url = source?["url"]?.string ?? ""
      return [.text(((head.isEmpty ? ["Document:"] : head) + [url]).joined(separator: "\n"))]
    case "base64":
      guard let url = MediaSource.url(source) else { throw fileFault(path) }
      let file = JSONNode.members(("filename", .string(title ?? "document.pdf")), ("file_data", .string(url)))
      return [.typed("file", ("file", file))]
    default: throw fileFault(path)
    }
  }

  private static func searchResult(_ block: JSONNode) -> String {
    let head = "Search result: \(block["title"]?.string ?? "") (\(block["source"]?.string ?? ""))"
    let texts = block["content"].map { $0.string.map { [$0] } ?? $0.elements.compactMap { $0["text"]?.string } } ?? []
    return ([head] + texts).joined(separator: "\n")
  }
}
