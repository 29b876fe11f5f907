internal import Dialects
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Routing

/// Why a call has no answer, to be told in the caller's dialect.
struct CallFailure: Error, Sendable {
  let status: HTTPStatus
  /// A stable name. Also the outcome in metrics and the ledger.
  let code: String
  let message: String
  var parameter: String?
  /// Whether a client's own retry makes sense: what the router has tried already does not get better by repetition.
  var isRetryable = false
  var retryAfterSeconds: Int64?
  /// What clients of messages go on by.
  var details: DialectFault.Details?
  /// Further headers.
  var headers: [(String, String)] = []
  /// What it means for the next attempt.
  var failureClass = FailureClass.caller

  /// The request is at fault.
  static func invalid(_ message: String, _ parameter: String?, status: HTTPStatus = .badRequest) -> CallFailure {
    CallFailure(status: status, code: "invalid_request", message: message, parameter: parameter)
  }

  /// The answer in the shape of a dialect.
  func response(_ dialect: Dialect, id: String) -> HTTPResponse {
    var response = HTTPResponse.json(
      status,
      dialect.error(status: Int(status.code), code: code, message: message, parameter: parameter, id: id,
        details: details))
    response.headers.append("x-should-retry", isRetryable ? "true" : "false")
    if let seconds = retryAfterSeconds { response.headers.append(.retryAfter, String(seconds)) }
    for (name, value) in headers { response.headers.append(name, value) }
    return response
  }
}

extension CallFailure {
  /// A refusal of the route.
  init(_ refusal: RouteRefusal, known: [String]) {
    switch refusal {
    case .unknownModel(let name):
      let some = known.prefix(20).joined(separator: ", ")
      self.init(
        status: .notFound, code: "model_not_found",
        message: name.isEmpty
          ? "No model is configured. Add a provider and a model, or set provider.url."
          : "The model '\(name.prefix(100))' does not exist here. Available: \(some).", parameter: "model")
    case .notAllowed(let name):
      self.init(
        status: .forbidden, code: "model_not_allowed", message: "This key may not use the model '\(name.prefix(100))'.",
        parameter: "model")
    case .lacking(let name, let needs):
      let words = needs.map(\.rawValue).sorted().joined(separator: ", ")
      self.init(
        status: .badRequest, code: "capability_missing",
        message: needs.isEmpty
          ? "The model '\(name.prefix(100))' does not answer requests of this kind."
          : "No model behind '\(name.prefix(100))' can do what the request needs: \(words).", parameter: "model")
    case .contextTooLong(let tokens, let limit):
      self.init(
        status: .badRequest, code: "context_length_exceeded",
        message:
          "The request has about \(tokens) tokens with room for the answer; the model takes \(limit). Shorten it or ask for a model with a larger context.",
        parameter: "messages")
    case .badTier(let name):
      self.init(
        status: .badRequest, code: "unknown_tier",
        message: "'\(name.prefix(100))' is no tier; use tier:small, tier:medium, tier:large or auto.",
        parameter: "model")
    }
  }

  /// Something in a provider's stream.
  init(_ fault: StreamFault, provider: String) {
    self.init(
      status: .badGateway, code: "provider_error",
      message: "The provider \"\(provider)\" broke off: \(fault.message)", isRetryable: true)
    failureClass = FailureClass(status: 500, code: fault.code, message: fault.message)
    if failureClass == .caller { failureClass = .provider }
  }

  /// A failed exchange.
  init(_ error: HTTPClientError, provider: Provider) {
    switch error.code {
    case .cannotConnect:
      self.init(
        status: .badGateway, code: "provider_unreachable",
        message:
          "The provider \"\(provider.name)\" at \(provider.base.host) cannot be reached: \(error.reason). Check base_url and the network.",
        isRetryable: true)
    case .timedOut:
      self.init(
        status: .gatewayTimeout, code: "provider_timeout",
        message: "The provider \"\(provider.name)\" did not answer in time.", isRetryable: true)
    default:
      self.init(
        status: .badGateway, code: "provider_failed",
        message: "The call to the provider \"\(provider.name)\" failed: \(error).", isRetryable: true)
    }
    failureClass = .transport
  }

  /// A provider's refusal. Its callers have nothing to do with the router's keys.
  init(
    status answered: HTTPStatus, body: [UInt8], retryAfterMilliseconds: Int64?, provider: Provider, filter: CallGuard
  ) {
    let error = (try? JSONDocument(parsing: body).root)?["error"]
    let said = (error?["message"]?.string ?? error?.string).map { filter.redacted(String($0.prefix(500))) }
    let code = error?["code"]?.string ?? error?["type"]?.string ?? ""
    let failure = FailureClass(status: Int(answered.code), code: code, message: said ?? "")
    let tail = said.map { ": \($0)" } ?? "."
    let name = provider.name
    switch failure {
    case .key:
      self.init(
        status: .badGateway, code: "provider_rejected_key",
        message:
          "The provider \"\(name)\" does not accept its API key (\(answered.code)). Check the keys of this provider.")
    case .money:
      self.init(
        status: .badGateway, code: "provider_out_of_credit",
        message: "The account at the provider \"\(name)\" has no credit or quota left\(tail)")
    case .rate:
      self.init(
        status: .tooManyRequests, code: "provider_rate_limited",
        message: "The provider \"\(name)\" limits the rate of calls\(tail)", isRetryable: true)
      retryAfterSeconds = retryAfterMilliseconds.map { ($0 + 999) / 1000 }
    case .context:
      self.init(
        status: .badRequest, code: "context_length_exceeded",
        message: "The prompt is too long for the model at \"\(name)\"\(tail)", parameter: "messages")
    case .content:
      self.init(
        status: .badRequest, code: "content_filter",
        message: "The content filter of the provider \"\(name)\" refused the request\(tail)")
    case .model:
      self.init(
        status: .badGateway, code: "provider_unknown_model",
        message: "The provider \"\(name)\" does not know the model. Check provider_model\(tail)")
    case .caller:
      self.init(
        status: answered, code: "provider_refused",
        message: "The provider \"\(name)\" refused the request (\(answered.code))\(tail)")
    case .provider, .transport:
      self.init(
        status: .badGateway, code: "provider_failed",
        message: "The provider \"\(name)\" failed (\(answered.code))\(tail)", isRetryable: true)
    }
    failureClass = failure
  }
}
