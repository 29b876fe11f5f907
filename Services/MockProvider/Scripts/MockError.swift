internal import HTTP
internal import HTTPWire
internal import JSON

/// Errors in the shape of the dialect.
enum MockError {
  static func body(_ dialect: MockDialect, _ status: Int, _ code: String, _ message: String) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    if dialect == .messages { writer.member("type", "error") }
    writer.key("error")
    writer.beginObject()
    writer.member("message", message)
    if dialect == .messages {
      writer.member("type", type(status))
    } else {
      writer.member(
        "type", status == 429 ? "rate_limit_error" : status >= 500 ? "server_error" : "invalid_request_error")
      writer.member("param", orNull: nil)
      writer.member("code", code)
    }
    writer.endObject()
    if dialect == .messages { writer.member("request_id", "req_mock") }
    writer.endObject()
    return writer.bytes
  }

  private static func type(_ status: Int) -> String {
    switch status {
    case 400: "invalid_request_error"
    case 401: "authentication_error"
    case 402: "billing_error"
    case 403: "permission_error"
    case 404: "not_found_error"
    case 413: "request_too_large"
    case 429: "rate_limit_error"
    case 529: "overloaded_error"
    default: status < 500 ? "invalid_request_error" : "api_error"
    }
  }

  static func response(
    _ dialect: MockDialect, _ status: Int, _ code: String, _ message: String, retryAfter: Int = 1
  ) -> HTTPResponse {
    var response = HTTPResponse.json(HTTPStatus(code: status), body(dialect, status, code, message))
    if (status == 429 || status == 503 || status == 529), retryAfter > 0 {
      response.headers.append(.retryAfter, String(retryAfter))
    }
    return response
  }
}
