internal import HTTP
internal import HTTPWire
internal import JSON

/// The gateway's own refusals at the model endpoints, in the shapes that clients of OpenAI and Anthropic understand.
enum ModelProblem {
  static func response(_ problem: Problem, to request: HTTPRequest) -> HTTPResponse {
    let isMessages = request.head.path.hasPrefix("/v1/messages") || request.headers.contains("anthropic-version")
    var response = HTTPResponse.json(problem.status) { writer in
      if isMessages { writer.member("type", "error") }
      writer.key("error")
      writer.beginObject()
      writer.member("type", kind(problem.status, isMessages))
      writer.member("message", problem.detail)
      if !isMessages {
        writer.member("param", orNull: nil)
        writer.member("code", problem.code)
      }
      writer.endObject()
    }
    problem.headers.forEach { response.headers.append($0, $1) }
    if let seconds = problem.retryAfterSeconds { response.headers.append(.retryAfter, String(seconds)) }
    return response
  }

  private static func kind(_ status: HTTPStatus, _ isMessages: Bool) -> String {
    switch status.code {
    case 401: "authentication_error"
    case 403: "permission_error"
    case 413: isMessages ? "request_too_large" : "invalid_request_error"
    case 504: isMessages ? "timeout_error" : "server_error"
    case 500...: isMessages ? "api_error" : "server_error"
    default: "invalid_request_error"
    }
  }
}
