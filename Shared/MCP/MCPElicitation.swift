public import JSON

/// A question of a server to a person (`elicitation/create`).
public struct MCPElicitation: Sendable {
  /// How the person answers.
  public enum Mode: Sendable {
    /// By values of a flat object with this JSON Schema.
    case form(schema: JSONDocument)
    /// On a web page. Nothing is fetched by this platform; the person decides.
    case url(String)
  }

  /// The question.
  public let message: String
  /// How the person answers.
  public let mode: Mode

  /// Reads the parameters of `elicitation/create`.
  public init(params: JSONView?, limits: MCPLimits = .standard) throws(MCPError) {
    guard let params else { throw MCPError(.invalidResult, "elicitation/create has no params") }
    let object = try MCPObject(params, at: "params", limits)
    message = MCPText.plain(try object.requiredString("message", bytesMax: limits.descriptionBytesMax))
    switch try object.string("mode", bytesMax: 16) ?? "form" {
    case "form":
      let schema = try object.requiredObject("requestedSchema")
      let bytes = Array(schema.view.rawBytes)
      guard bytes.count <= limits.schemaBytesMax, let copy = try? JSONDocument(parsing: bytes) else {
        throw schema.fault("", "is larger than \(limits.schemaBytesMax) bytes")
      }
      mode = .form(schema: copy)
    case "url": mode = .url(MCPText.plain(try object.requiredString("url", bytesMax: limits.cursorBytesMax)))
    default: throw object.fault("mode", "is neither form nor url")
    }
  }
}

/// How a person answered.
public enum MCPElicitationAnswer: Sendable {
  /// With these values; JSON text of an object, absent for a web page.
  case accept(content: [UInt8]?)
  /// Said no.
  case decline
  /// Gave no answer.
  case cancel

  /// Writes the members of the result.
  public func write(to writer: inout JSONWriter) {
    switch self {
    case .accept(let content):
      writer.member("action", "accept")
      if let content { writer.member("content", raw: content) }
    case .decline: writer.member("action", "decline")
    case .cancel: writer.member("action", "cancel")
    }
  }
}
