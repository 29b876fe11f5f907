internal import Dialects
package import HTTP
package import HTTPWire
internal import JSON
internal import Ledger
package import ModelCatalog
package import Routing

/// What a failure of some other kind is towards callers.
extension CallFailure {
  /// What the service refuses before it reads a call.
  package init(_ problem: Problem) {
    self.init(
      status: problem.status, code: problem.status.isServerError ? problem.code : "invalid_request",
      message: problem.detail, isRetryable: problem.status.isServerError,
      retryAfterSeconds: problem.retryAfterSeconds.map(Int64.init))
  }

  /// A refusal of the route.
  package init(_ refusal: RouteRefusal, known: [String]) {
    switch refusal {
    case .unknownModel(let name):
      let some = known.prefix(20).joined(separator: ", ")
      self.init(
        status: .notFound, code: "model_not_found",
        message: name.isEmpty && known.isEmpty
          ? "No model is configured. Add a provider and a model, or set provider.url."
          : "The model '\(name.prefix(100))' does not exist here. Available: \(some).", parameter: "model")
    case .notAllowed(let name):
      self.init(
        status: .forbidden, code: "model_not_allowed", message: "This key may not use the model '\(name.prefix(100))'.",
        parameter: "model")
    case .lacking(let name, let needs):
      let names = needs.map(\.rawValue).sorted().joined(separator: ", ")
      self.init(
        status: .badRequest, code: "capability_missing",
        message: needs.isEmpty
          ? "The model '\(name.prefix(100))' does not answer requests of this kind."
          : "No model behind '\(name.prefix(100))' can do what the request needs: \(names).", parameter: "model")
    case .contextTooLong(let tokens, let limit):
      self.init(
        status: .badRequest, code: "context_length_exceeded",
        // Clients recognise a prompt that is too long by the begin of the message.
        message:
          "prompt is too long: about \(tokens) tokens with room for the answer > \(limit) maximum. Shorten it or ask for a model with a larger context.",
        parameter: "messages")
    case .badTier(let name):
      self.init(
        status: .badRequest, code: "unknown_tier",
        message: "'\(name.prefix(100))' is no tier; use tier:small, tier:medium, tier:large or auto.",
        parameter: "model")
    }
  }

  /// Something in a provider's stream, or an error that came as a success.
  init(_ fault: StreamFault, provider: String) {
    var failure =
      fault.code == "provider_garbage"
      ? FailureClass.garbage : FailureClass(status: 500, code: fault.code, message: fault.message)
    if failure == .caller { failure = .provider }
    self.init(failure, answered: nil, provider: provider, reported: fault.message)
    isBegun = true
  }

  /// A failed exchange.
  package init(_ error: HTTPClientError, provider: Provider) {
    switch error.code {
    case .cannotConnect:
      self.init(
        status: .badGateway, code: "provider_unreachable",
        message:
          "The provider \"\(provider.name)\" at \(provider.base.host) cannot be reached: \(error.reason). Check base_url and the network.",
        isRetryable: true, failureClass: .transport)
    case .timedOut:
      self = .timeout("The provider \"\(provider.name)\" did not answer in time.")
    case .bodyTooLarge:
      // It was generated and would be as large again.
      self.init(
        status: .badGateway, code: "answer_too_large",
        message: "The answer of the provider \"\(provider.name)\" is larger than what is accepted here.",
        isBegun: true, failureClass: .garbage)
      return
    default:
      self.init(
        status: .badGateway, code: "provider_failed",
        message: "The call to the provider \"\(provider.name)\" failed: \(error).", isRetryable: true,
        failureClass: .transport)
    }
    isBegun = error.outcomeUnknown
  }

  /// Nothing came in time.
  static func timeout(_ message: String, code: String = "provider_timeout") -> CallFailure {
    CallFailure(
      status: .gatewayTimeout, code: code, message: message, isRetryable: true, isBegun: true, failureClass: .timeout)
  }

  /// An answer that makes no sense.
  static func garbage(_ provider: String, _ what: String) -> CallFailure {
    CallFailure(
      status: .badGateway, code: "provider_garbage", message: "The answer of the provider \"\(provider)\" \(what).",
      isRetryable: true, isBegun: true, failureClass: .garbage)
  }

  /// A provider's refusal. Its callers have nothing to do with the router's keys.
  package init(
    status answered: HTTPStatus, body: [UInt8], retryAfterMilliseconds: Int64?, provider: Provider,
    filter: RequestFilter
  ) {
    let body = ErrorBody(body)
    self.init(
      FailureClass(status: Int(answered.code), body), answered: answered, provider: provider.name,
      reported: body.message.map { filter.redacted($0) })
    let pause = retryAfterMilliseconds ?? body.retryMilliseconds
    if [.rate, .overload, .provider].contains(failureClass) {
      self.retryAfterMilliseconds = pause
      retryAfterSeconds = pause.map { ($0 + 999) / 1000 }
    }
  }

  /// What a class of failure is called towards callers.
  private init(_ failure: FailureClass, answered: HTTPStatus?, provider name: String, reported: String?) {
    let tail = reported.map(ErrorBody.sentence).map { $0.isEmpty ? "." : ": \($0)" } ?? "."
    let status = answered.map { " (\($0.code))" } ?? ""
    switch failure {
    case .key:
      self.init(
        status: .badGateway, code: "provider_rejected_key",
        message: "The provider \"\(name)\" does not accept its API key\(status). Check the keys of this provider.")
    case .money:
      self.init(
        status: .badGateway, code: "provider_out_of_credit",
        message: "The account at the provider \"\(name)\" has no credit or quota left\(tail)")
    case .rate:
      self.init(
        status: .tooManyRequests, code: "provider_rate_limited",
        message: "The provider \"\(name)\" limits the rate of calls\(tail)", isRetryable: true)
    case .overload:
      self.init(
        status: CallFailure.overloaded, code: answered == nil ? "provider_error" : "provider_overloaded",
        message: "The provider \"\(name)\" is overloaded\(tail)", isRetryable: true)
    case .context:
      self.init(
        status: .badRequest, code: "context_length_exceeded",
        message: "prompt is too long for the model at \"\(name)\"\(tail)", parameter: "messages")
    case .content:
      self.init(
        status: .badRequest, code: "content_filter",
        message: "The content filter of the provider \"\(name)\" refused the request\(tail)")
    case .tools:
      self.init(
        status: .badRequest, code: "tools_not_supported",
        message: "The model at \"\(name)\" takes no tools\(tail)", parameter: "tools")
    case .model:
      self.init(
        status: .badGateway, code: "provider_unknown_model",
        message: "The provider \"\(name)\" does not know the model. Check provider_model\(tail)")
    case .caller:
      self.init(
        status: answered ?? .badRequest, code: "provider_refused",
        message: "The provider \"\(name)\" refused the request\(status)\(tail)")
    case .timeout:
      self.init(
        status: .gatewayTimeout, code: "provider_timeout",
        message: "The provider \"\(name)\" did not answer in time\(status)\(tail)", isRetryable: true, isBegun: true)
    case .garbage:
      self.init(
        status: .badGateway, code: "provider_garbage",
        message: "The answer of the provider \"\(name)\" cannot be read\(tail)", isRetryable: true, isBegun: true)
    case .provider, .transport:
      self.init(
        status: .badGateway, code: answered == nil ? "provider_error" : "provider_failed",
        message: answered == nil
          ? "The provider \"\(name)\" broke off\(tail)" : "The provider \"\(name)\" failed\(status)\(tail)",
        isRetryable: true)
    }
    failureClass = failure
  }
}
