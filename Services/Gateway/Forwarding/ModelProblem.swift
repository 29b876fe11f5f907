package import HTTP
package import HTTPWire
internal import JSON

/// The gateway's own refusals at addresses for models, as clients of OpenAI and Anthropic understand them.
package enum ModelProblem {
  /// The answer, or `nil` at all other addresses.
  package static func response(_ problem: Problem, to head: RequestHead, traceID: String) -> HTTPResponse? {
    let path = head.path
    guard let dialect = ClientDialect(path: path, headers: head.headers) else { return nil }
    let status = Int(problem.status.code)
    let id = "req_" + traceID
    var response = HTTPResponse.json(
      problem.status,
      dialect.body(status: status, code: problem.code, message: sentence(problem, path), requestID: id))
    problem.headers.forEach { response.headers.append($0, $1) }
    if let seconds = problem.retryAfterSeconds { response.headers.append(.retryAfter, String(seconds)) }
    response.headers.append("x-should-retry", ClientDialect.shouldRetry(status: status) ? "true" : "false")
    response.headers.append(.xRequestID, id)
    response.headers.append("request-id", id)
    return response
  }

  /// The problem that an answer consists of, if it does.
  package static func problem(in answer: HTTPResponse) -> Problem? {
    guard case .bytes(let bytes) = answer.body, answer.status.code >= 400,
      answer.headers[.contentType]?.hasPrefix("application/problem+json") ?? false,
      let root = try? JSONDocument(parsing: bytes).root, let detail = root["detail"]?.string
    else { return nil }
    var headers = HTTPHeaders()
    if let allow = answer.headers[.allow] { headers.append(.allow, allow) }
    if let accepted = answer.headers[.acceptEncoding] { headers.append(.acceptEncoding, accepted) }
    return Problem(
      answer.status, code: root["code"]?.string ?? "upstream_failed", detail,
      retryAfterSeconds: answer.headers[.retryAfter].flatMap { Int($0) }, headers: headers)
  }

  private static func sentence(_ problem: Problem, _ path: String) -> String {
    switch problem.code {
    case "no_such_address": AddressAdvice.unknown(path)
    case "method_not_allowed": AddressAdvice.otherMethod(path, allowed: problem.headers[.allow] ?? "other methods")
    default: problem.detail
    }
  }
}
