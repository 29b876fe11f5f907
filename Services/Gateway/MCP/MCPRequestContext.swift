internal import HTTPWire
internal import JSON
internal import MCP

/// What a request of the protocol says of itself, and whether its headers say the same.
struct MCPRequestContext: Sendable {
  /// The revisions that are spoken, newest first.
  static let revisions: [MCPRevision] = [.july2026, .november2025, .june2025, .march2025]

  /// The revision of the request.
  let revision: MCPRevision
  /// Under which progress is notified, when the client wants it.
  let progressToken: MCPRequestID?

  /// Whether the request belongs to the stateless era.
  var isStateless: Bool { revision.era == .stateless }

  /// A request whose JSON-RPC error is sent with a status of its own.
  struct Refusal: Error, Sendable {
    let status: HTTPStatus
    let code: Int64
    let message: String
    /// JSON text.
    var data: [UInt8]?
  }

  /// Reads the context of a request. Throws a `Refusal` when it is not complete, names a revision that is not spoken,
  /// or when headers and body disagree.
  init(_ request: MCPRequest, _ headers: HTTPHeaders, limits: MCPLimits) throws(Refusal) {
    let metadata: MCPRequestMetadata
    do { metadata = try MCPRequestMetadata(params: request.params, limits: limits) } catch {
      throw Refusal(status: .badRequest, code: MCPErrorCode.invalidParams, message: error.message)
    }
    progressToken = metadata.progressToken
    let header = headers[MCPHeader.protocolVersion]
    guard let named = metadata.revision else {
      revision = try MCPRequestContext.sessionRevision(header, isHandshake: request.method == "initialize")
      return
    }
    guard let header else { throw .mismatch("MCP-Protocol-Version is missing") }
    guard header == named else { throw .mismatch("MCP-Protocol-Version and params._meta name different revisions") }
    guard named == MCPRevision.july2026.rawValue else { throw .unsupported(named) }
    guard metadata.capabilities != nil else {
      throw Refusal(
        status: .badRequest, code: MCPErrorCode.invalidParams,
        message: "params._meta has no io.modelcontextprotocol/clientCapabilities")
    }
    revision = .july2026
    guard let method = headers[MCPHeader.method] else { throw .mismatch("Mcp-Method is missing") }
    guard method == request.method else { throw .mismatch("Mcp-Method and the method of the body differ") }
    guard let member = MCPHeader.nameMember(of: request.method), let name = request.params?[member]?.string else {
      return
    }
    guard let header = headers[MCPHeader.name] else { throw .mismatch("Mcp-Name is missing") }
    guard MCPHeader.decode(header) == name else { throw .mismatch("Mcp-Name and params.\(member) differ") }
  }

  /// The revision of a request or notification that does not carry it in its body.
  static func sessionRevision(_ header: String?, isHandshake: Bool) throws(Refusal) -> MCPRevision {
    // Those before 2025-06-18 send no header.
    guard let header, !isHandshake else { return .march2025 }
    guard let revision = MCPRevision(rawValue: header), revisions.contains(revision) else { throw .unsupported(header) }
    guard revision.era == .session else {
      throw .mismatch("MCP-Protocol-Version is \(header), and params._meta names no revision")
    }
    return revision
  }
}

extension MCPRequestContext.Refusal {
  static func mismatch(_ what: String) -> MCPRequestContext.Refusal {
    MCPRequestContext.Refusal(
      status: .badRequest, code: MCPErrorCode.headerMismatch, message: "Header mismatch: \(what).")
  }

  static func unsupported(_ revision: String) -> MCPRequestContext.Refusal {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("supported", MCPRequestContext.revisions.map(\.rawValue))
    writer.member("requested", MCPText.plain(revision, bytesMax: 64))
    writer.endObject()
    return MCPRequestContext.Refusal(
      status: .badRequest, code: MCPErrorCode.unsupportedVersion, message: "Unsupported protocol version.",
      data: writer.bytes)
  }
}
