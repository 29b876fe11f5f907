internal import JSON
package import MCP

/// What this client says of itself.
package enum ClientIdentity {
  /// Name and version.
  package static let implementation = MCPImplementation(name: "cadre", version: "1")

  /// In the stateless era a question to a person can wait for days, so it is offered. In the session era it would hold
  /// a process and a call open, so it is not.
  package static func capabilities(_ era: MCPRevision.Era) -> MCPClientCapabilities {
    MCPClientCapabilities(elicitationForms: era == .stateless, elicitationURLs: era == .stateless)
  }

  /// `_meta` of a request.
  package static func metadata(
    _ revision: MCPRevision, progressToken: Int64? = nil, traceparent: String? = nil
  ) -> MCPRequestMetadata {
    let isStateless = revision.era == .stateless
    return MCPRequestMetadata(
      revision: isStateless ? revision.rawValue : nil, client: isStateless ? implementation : nil,
      capabilities: isStateless ? capabilities(.stateless) : nil, progressToken: progressToken.map { .number($0) },
      traceparent: traceparent)
  }

  /// The probe.
  package static func discover(id: Int64) -> [UInt8] {
    MCPMessageWriter.request(id: .number(id), method: "server/discover") {
      metadata(.newest).write(to: &$0)
    }
  }

  /// The handshake.
  package static func initialize(id: Int64) -> [UInt8] {
    MCPMessageWriter.request(id: .number(id), method: "initialize") { writer in
      writer.member("protocolVersion", MCPRevision.newestWithSessions.rawValue)
      writer.key("capabilities")
      capabilities(.session).write(to: &writer)
      writer.key("clientInfo")
      implementation.write(to: &writer)
    }
  }

  /// The subscription to changes of lists; `nil` when the server notifies of none.
  package static func listen(id: Int64, _ offered: MCPServerCapabilities) -> [UInt8]? {
    guard offered.toolsListChanged || offered.resourcesListChanged || offered.promptsListChanged else { return nil }
    return MCPMessageWriter.request(id: .number(id), method: "subscriptions/listen") { writer in
      metadata(.newest).write(to: &writer)
      writer.key("notifications")
      writer.beginObject()
      if offered.toolsListChanged { writer.member("toolsListChanged", true) }
      if offered.resourcesListChanged { writer.member("resourcesListChanged", true) }
      if offered.promptsListChanged { writer.member("promptsListChanged", true) }
      writer.endObject()
    }
  }

  /// The answer to a request of the server: a ping is answered, everything else was not offered.
  package static func answer(to request: MCPRequest) -> [UInt8] {
    if request.method == "ping" { return MCPMessageWriter.response(id: request.id) { _ in } }
    return MCPMessageWriter.failure(
      id: request.id, code: MCPErrorCode.methodNotFound, message: "this client does not offer the method")
  }
}

/// The lists of a server that may change.
package enum ServerList: String, Hashable, Sendable, CaseIterable {
  /// Tools.
  case tools
  /// Resources.
  case resources
  /// Prompts.
  case prompts

  /// The list that a notification is about.
  package init?(notification method: String) {
    switch method {
    case "notifications/tools/list_changed": self = .tools
    case "notifications/resources/list_changed": self = .resources
    case "notifications/prompts/list_changed": self = .prompts
    default: return nil
    }
  }
}
