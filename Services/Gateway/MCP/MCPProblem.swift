package import HTTP
package import HTTPWire
internal import MCP

/// The gateway's own refusals at `/mcp`, as errors of JSON-RPC: clients of the protocol read nothing else.
package enum MCPProblem {
  /// The path of the server.
  package static let path = "/mcp"

  /// The answer, or `nil` at all other addresses.
  package static func response(_ problem: Problem, to head: RequestHead, traceID: String) -> HTTPResponse? {
    guard head.path == path else { return nil }
    let bytes = MCPMessageWriter.failure(
      id: nil, code: code(problem), message: problem.detail, data: problem.document(traceID: traceID),
      writesNullID: head.headers[MCPHeader.protocolVersion] != MCPRevision.july2026.rawValue)
    var response = HTTPResponse.json(problem.status, bytes)
    problem.headers.forEach { response.headers.append($0, $1) }
    response.headers.append(.cacheControl, "no-store")
    if let seconds = problem.retryAfterSeconds { response.headers.append(.retryAfter, String(seconds)) }
    return response
  }

  /// A request that could not be read is invalid; for everything else the protocol has no code of its own.
  private static func code(_ problem: Problem) -> Int64 {
    switch problem.status {
    case .badRequest, .contentTooLarge, .unsupportedMediaType, .notAcceptable, .methodNotAllowed:
      MCPErrorCode.invalidRequest
    case .internalServerError: MCPErrorCode.internalError
    default: serverError
    }
  }

  /// The first of the codes that JSON-RPC leaves to servers.
  static let serverError: Int64 = -32000
}
