internal import HTTPWire
package import MCP

/// What an answer over HTTP means before its content is read. Pure.
package enum HTTPAnswer: Equatable, Sendable {
  /// One message.
  case json
  /// Messages as events.
  case events
  /// A notification was taken.
  case accepted
  /// The session is not known any more.
  case sessionLost
  /// A refusal, whose content may be a message.
  case refused(Int)
  /// No answer of the protocol.
  case failed(MCPError)

  /// By status, media type, and whether the request carried a session.
  package init(status: Int, contentType: String?, hasSession: Bool) {
    let type = (contentType ?? "").prefix { $0 != ";" && $0 != " " }.lowercased()
    switch status {
    case 202, 204: self = .accepted
    case 200..<300 where type == "application/json": self = .json
    case 200..<300 where type == "text/event-stream": self = .events
    case 200..<300:
      self = .failed(MCPError(.invalidMessage, "the answer is neither JSON nor an event stream"))
    case 300..<400:
      self = .failed(MCPError(.refusedAddress, "the server redirects (status \(status)); redirects are not followed"))
    case 404 where hasSession: self = .sessionLost
    case 400..<500: self = .refused(status)
    default: self = .failed(MCPError(.httpStatus, "the server answered with status \(status)"))
    }
  }
}
