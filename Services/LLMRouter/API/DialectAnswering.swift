internal import Contracts
internal import Dialects
internal import HTTP
internal import HTTPWire
internal import ModelCalls
internal import SystemSources

extension Dialect {
  /// The dialect of an address that clients of OpenAI and Anthropic share; Anthropic's clients name their version.
  static func named(by request: HTTPRequest) -> Dialect {
    request.headers.contains("anthropic-version") ? .messages : .chat
  }
}

/// Runs a handler. Failures are answered in a dialect, and each answer carries the id of the request.
func answering(
  _ request: HTTPRequest, in dialect: Dialect, _ body: () async throws -> HTTPResponse
) async throws -> HTTPResponse {
  let id = CallID.make().description
  var response: HTTPResponse
  do { response = try await body() } catch let failure as CallFailure {
    response = failure.response(dialect, id: id)
  } catch let problem as Problem {
    response = CallFailure(problem).response(dialect, id: id)
  }
  response.headers.append(.xRequestID, id)
  response.headers.append("request-id", id)
  return response
}
