internal import HTTP
internal import HTTPWire
internal import JSON

/// A failure in the shape that OpenAI's clients understand.
struct OpenAIError: Error {
  let status: HTTPStatus
  let type: String
  let code: String
  let message: String
  let parameter: String?
  /// Whether a client's own retry makes sense: what the router has tried already does not get better by repetition.
  let isRetryable: Bool

  /// The request is at fault.
  static func invalid(_ message: String, _ parameter: String?, status: HTTPStatus = .badRequest) -> OpenAIError {
    OpenAIError(
      status: status, type: "invalid_request_error", code: "invalid_request", message: message, parameter: parameter,
      isRetryable: false)
  }

  /// The provider is at fault.
  static func provider(_ status: HTTPStatus, _ code: String, _ message: String, isRetryable: Bool) -> OpenAIError {
    OpenAIError(
      status: status, type: "provider_error", code: code, message: message, parameter: nil, isRetryable: isRetryable)
  }

  /// The document.
  var document: [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.key("error")
    writer.beginObject()
    writer.member("message", message)
    writer.member("type", type)
    writer.member("param", orNull: parameter)
    writer.member("code", code)
    writer.endObject()
    writer.endObject()
    return writer.bytes
  }

  /// The answer.
  var response: HTTPResponse {
    var response = HTTPResponse.json(status, document)
    response.headers.append("x-should-retry", isRetryable ? "true" : "false")
    return response
  }
}
