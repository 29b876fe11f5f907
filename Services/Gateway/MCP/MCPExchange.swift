internal import Contracts
internal import GatewayForwarding
internal import GatewayRequests
internal import HTTP
internal import HTTPWire
internal import MCP
internal import SystemSources

/// A request of HTTP whose messages are answered.
struct MCPExchange: Sendable {
  let request: HTTPRequest
  let caller: Caller
  let identity: Identity
  let pipeline: RequestPipeline
  /// Whether the answer may be a stream of events.
  let takesStream: Bool
  let limits: MCPLimits

  var headers: HTTPHeaders { request.headers }

  /// Makes what a tool does as the address that it calls is made: with its policy, and in the audit log.
  func calling(_ call: UpstreamCall, _ make: () async throws -> ToolOutcome) async throws -> ToolOutcome {
    guard let route = Routes.forwarded(call.method, call.target) else { throw Problem(.accessDenied) }
    return try await pipeline.calling(
      request, as: identity, at: route, status: { $0.failure == nil ? .ok : .badRequest }, make)
  }

  /// Throws a 403 `Problem` when the caller may not read an address.
  func checkReading(_ target: String) async throws {
    guard let route = Routes.forwarded(.get, target) else { throw Problem(.accessDenied) }
    try await pipeline.calling(request, as: identity, at: route, status: { _ in .ok }) {}
  }
}
