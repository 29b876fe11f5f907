internal import Contracts
internal import HTTP
internal import HTTPWire
internal import MCP
internal import SystemSources

/// A request of HTTP whose messages are answered.
struct MCPExchange: Sendable {
  let request: HTTPRequest
  let caller: Caller
  /// Whether the answer may be a stream of events.
  let takesStream: Bool
  let limits: MCPLimits

  var headers: HTTPHeaders { request.headers }
}
