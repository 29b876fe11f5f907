package import Dialects
package import HTTP
package import HTTPWire
internal import JSON
internal import Ledger
package import Routing

/// Why a call has no answer. It is answered in the dialect of the caller.
package struct CallFailure: Error, Sendable {
  package let status: HTTPStatus
  /// A stable name. Also the outcome in metrics and the ledger.
  package let code: String
  package private(set) var message: String
  package var parameter: String?
  /// Whether a client's own retry makes sense: what the router has tried already does not get better by repetition.
  package var isRetryable = false
  package var retryAfterSeconds: Int64?
  /// The same to the millisecond, for our own pauses.
  var retryAfterMilliseconds: Int64?
  /// Whether the provider may have generated something: then the attempt is settled in the ledger.
  var isBegun = false
  /// What clients of messages go on by.
  var details: DialectFault.Details?
  /// Further headers.
  var headers: [(String, String)] = []
  /// What it means for the next attempt.
  package var failureClass = FailureClass.caller

  /// A failure.
  package init(
    status: HTTPStatus, code: String, message: String, parameter: String? = nil, isRetryable: Bool = false,
    retryAfterSeconds: Int64? = nil, isBegun: Bool = false, failureClass: FailureClass = .caller
  ) {
    self.status = status
    self.code = code
    self.message = message
    self.parameter = parameter
    self.isRetryable = isRetryable
    self.retryAfterSeconds = retryAfterSeconds
    self.isBegun = isBegun
    self.failureClass = failureClass
  }

  /// The request is at fault.
  package static func invalid(_ message: String, _ parameter: String?, status: HTTPStatus = .badRequest) -> CallFailure
  {
    CallFailure(status: status, code: "invalid_request", message: message, parameter: parameter)
  }

  /// The answer in the shape of a dialect.
  package func response(_ dialect: Dialect, id: String) -> HTTPResponse {
    let status = status(in: dialect)
    var response = HTTPResponse.json(
      status,
      dialect.error(
        status: Int(status.code), code: code, message: message, parameter: parameter, id: id,
        details: details))
    response.headers.append("x-should-retry", isRetryable ? "true" : "false")
    if let seconds = retryAfterSeconds { response.headers.append(.retryAfter, String(seconds)) }
    for (name, value) in headers { response.headers.append(name, value) }
    return response
  }

  /// Redacts what may not be shown of a provider's message.
  mutating func redact(_ filter: RequestFilter) { message = filter.redacted(message) }

  /// The status as clients of a dialect know it: only Anthropic's have one of their own for an overload.
  func status(in dialect: Dialect) -> HTTPStatus {
    status.code == CallFailure.overloaded.code && dialect != .messages ? .serviceUnavailable : status
  }

  package static let overloaded = HTTPStatus(code: 529)
}
