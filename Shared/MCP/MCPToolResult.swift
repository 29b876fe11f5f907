public import JSON

/// The result of `tools/call`.
public struct MCPToolResult: Sendable {
  /// What the model reads.
  public let content: [MCPContent]
  /// The same for programs: any JSON value (an object before 2026-07-28).
  public let structured: JSONView?
  /// Whether the tool failed.
  public let isError: Bool

  /// Makes a result.
  public init(content: [MCPContent], structured: JSONView? = nil, isError: Bool = false) {
    self.content = content
    self.structured = structured
    self.isError = isError
  }

  /// Reads the result of `tools/call`.
  public init(_ result: JSONView, limits: MCPLimits = .standard) throws(MCPError) {
    let object = try MCPObject(result, at: "result", limits)
    content = try object.objects("content", countMax: limits.contentPartsMax) { (part) throws(MCPError) in
      try MCPContent(part)
    }
    structured = object.value("structuredContent")
    isError = try object.bool("isError") ?? false
  }

  /// Writes the members of the result.
  public func write(stateless: Bool, to writer: inout JSONWriter) {
    if stateless { writer.member("resultType", "complete") }
    writer.key("content")
    writer.beginArray()
    for part in content { part.write(to: &writer) }
    writer.endArray()
    if let structured { writer.member("structuredContent", raw: structured.rawBytes) }
    if isError { writer.member("isError", true) }
  }

  /// Reads the contents of the result of `resources/read`.
  public static func contents(ofResource result: JSONView, limits: MCPLimits = .standard) throws(MCPError)
    -> [MCPContent]
  {
    try MCPObject(result, at: "result", limits).objects("contents", countMax: limits.contentPartsMax) {
      (part) throws(MCPError) in try MCPContent(resource: part)
    }
  }

  /// Reads the messages of the result of `prompts/get`.
  public static func messages(ofPrompt result: JSONView, limits: MCPLimits = .standard) throws(MCPError)
    -> [(role: String, content: MCPContent)]
  {
    try MCPObject(result, at: "result", limits).objects("messages", countMax: limits.contentPartsMax) {
      (message) throws(MCPError) in
      let role = try message.requiredString("role", bytesMax: 32)
      guard role == "user" || role == "assistant" else { throw message.fault("role", "is neither user nor assistant") }
      return (role, try MCPContent(try message.requiredObject("content")))
    }
  }
}
