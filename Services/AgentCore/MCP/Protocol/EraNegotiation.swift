package import MCP

/// Which era a server speaks, from its answer to `server/discover`. Pure.
package enum EraNegotiation {
  /// What follows from an answer.
  package enum Outcome: Sendable {
    /// The server is stateless; this is what it says of itself.
    case stateless(MCPHandshake)
    /// A handshake (`initialize`) opens a session.
    case initialize
    /// There is no revision in common, or the answer is broken.
    case failed(MCPError)
  }

  /// The server has answered.
  package static func answered(_ handshake: MCPHandshake) -> Outcome {
    if handshake.revisions.contains(MCPRevision.newest.rawValue) { return .stateless(handshake) }
    return fromList(handshake.revisions)
  }

  /// The server has answered with an error: only one that newer servers alone send says that it is one of them.
  package static func refused(_ error: MCPErrorObject) -> Outcome {
    guard MCPErrorCode.isModern(error.code) else { return .initialize }
    guard error.code == MCPErrorCode.unsupportedVersion else {
      return .failed(
        MCPError(.unsupportedVersion, "the server refused server/discover: \(error.message)", rpcCode: error.code))
    }
    return fromList(error.supportedRevisions)
  }

  private static func fromList(_ revisions: [String]) -> Outcome {
    if revisions.contains(where: { MCPRevision(rawValue: $0)?.era == .session }) { return .initialize }
    let list = revisions.prefix(8).map { MCPText.plain($0, bytesMax: 32) }.joined(separator: ", ")
    return .failed(MCPError(.unsupportedVersion, "no revision in common; the server has \(list)"))
  }

  /// The revision of a session that a server has chosen. Throws when it is none of those with sessions.
  package static func session(_ handshake: MCPHandshake) throws(MCPError) -> MCPRevision {
    let chosen = handshake.revisions.first ?? ""
    guard let revision = MCPRevision(rawValue: chosen), revision.era == .session else {
      throw MCPError(
        .unsupportedVersion, "the server chose the revision \(MCPText.plain(chosen, bytesMax: 32)), which is not known")
    }
    return revision
  }
}
