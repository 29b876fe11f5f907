internal import HTTPWire

extension ProblemCode {
  /// Providers, models, aliases, budgets, rate limits, keys.
  static let modelConfiguration: [ProblemCode] =
    ["provider", "alias", "budget", "rate limit", "call", "key"].map { notFound($0) } + [
      tooMany, budgetExists, rateLimitExists,
    ]

  /// `too_many`
  public static let tooMany = ProblemCode(
    "too_many", .unprocessableContent, meaning: "There are the most of these that there may be.",
    remedy: "Delete one first.")
  /// `budget_exists`
  public static let budgetExists = ProblemCode(
    "budget_exists", .conflict, meaning: "There is a budget for this scope, subject, unit and period.",
    remedy: "Change or delete it.")
  /// `rate_limit_exists`
  public static let rateLimitExists = ProblemCode(
    "rate_limit_exists", .conflict, meaning: "There is a rate limit for this scope and subject.",
    remedy: "Delete it first.")
}

extension ProblemCode {
  /// Model calls that the llm-router refuses itself.
  static let modelCalls: [ProblemCode] = [
    invalidRequest, modelNotFound, modelNotAllowed, modelDenied, contentDenied, capabilityMissing, toolsNotSupported,
    contextLengthExceeded, unknownTier, unboundedRequest, priceUnknown, budgetExceeded, rateLimited, notCached,
    notOffered, keptNotFound, answerCheckFailed, ledgerUnavailable, budgetStoreUnavailable, rateLimitStoreUnavailable,
    callTimeout, installationHalted,
  ]

  /// `installation_halted`
  public static let installationHalted = ProblemCode(
    "installation_halted", .serviceUnavailable, meaning: "Operators have halted everything but reading.",
    remedy: "Try again when they have released it.")

  /// `invalid_request`
  public static let invalidRequest = ProblemCode(
    "invalid_request", .badRequest, or: .unauthorized, .forbidden, .notFound, .contentTooLarge, .unprocessableContent,
    meaning: "The request is not valid.", remedy: "Correct what the message and `param` name.")
  /// `model_not_found`
  public static let modelNotFound = ProblemCode(
    "model_not_found", .notFound, meaning: "There is no model, alias or tier of this name.",
    remedy: "Use one of those that `/v1/models` lists.")
  /// `model_not_allowed`
  public static let modelNotAllowed = ProblemCode(
    "model_not_allowed", .forbidden, meaning: "The virtual key may not use this model.",
    remedy: "Use a model that the key allows.")
  /// `model_denied`
  public static let modelDenied = ProblemCode(
    "model_denied", .forbidden, meaning: "The configuration forbids this model.", remedy: "Use another model.")
  /// `content_denied`
  public static let contentDenied = ProblemCode(
    "content_denied", .badRequest, meaning: "The request holds a text that the configuration forbids.",
    remedy: "Take it out.")
  /// `capability_missing`
  public static let capabilityMissing = ProblemCode(
    "capability_missing", .badRequest, meaning: "No model behind the name can do what the request needs.",
    remedy: "Ask for less, or for another model.")
  /// `tools_not_supported`
  public static let toolsNotSupported = ProblemCode(
    "tools_not_supported", .badRequest, meaning: "The model takes no tools.", remedy: "Ask without tools.")
  /// `context_length_exceeded`
  public static let contextLengthExceeded = ProblemCode(
    "context_length_exceeded", .badRequest, meaning: "The prompt does not fit into the model's context.",
    remedy: "Shorten it, or use a model with a larger context.")
  /// `unknown_tier`
  public static let unknownTier = ProblemCode(
    "unknown_tier", .badRequest, meaning: "There is no tier of this name.",
    remedy: "Use tier:small, tier:medium, tier:large or auto.")
  /// `unbounded_request`
  public static let unboundedRequest = ProblemCode(
    "unbounded_request", .badRequest, meaning: "The cost of the request cannot be bounded, and a budget applies.",
    remedy: "Leave out what the message names.")
  /// `price_unknown`
  public static let priceUnknown = ProblemCode(
    "price_unknown", .paymentRequired, meaning: "A budget applies, and the model has no price.",
    remedy: "Give the model a price.")
  /// `budget_exceeded`
  public static let budgetExceeded = ProblemCode(
    "budget_exceeded", .tooManyRequests, or: .paymentRequired, meaning: "A budget is exhausted.",
    remedy: "Wait for its next period (429), or raise it (402).")
  /// `rate_limited`
  public static let rateLimited = ProblemCode(
    "rate_limited", .tooManyRequests, meaning: "A rate limit is reached.", remedy: "Try again after `Retry-After`.")
  /// `not_cached`
  public static let notCached = ProblemCode(
    "not_cached", .gatewayTimeout, meaning: "The request allows only a cached answer, and there is none.",
    remedy: "Send it without `only-if-cached`.")
  /// `not_offered`
  public static let notOffered = ProblemCode(
    "not_offered", .notFound, meaning: "No provider is configured that offers this.", remedy: "Configure one.")
  /// `not_found`
  public static let keptNotFound = ProblemCode(
    "not_found", .notFound, meaning: "The provider does not know what is asked for.", remedy: "Check the id.")
  /// `answer_check_failed`
  public static let answerCheckFailed = ProblemCode(
    "answer_check_failed", .badGateway, meaning: "No model gave an answer that passes the check.",
    remedy: "Relax the check, or use a larger model.")
  /// `ledger_unavailable`
  public static let ledgerUnavailable = ProblemCode(
    "ledger_unavailable", .serviceUnavailable, meaning: "The call cannot be recorded, so it is not made.",
    remedy: "Check the disk and the database of the llm-router; try again.")
  /// `budget_store_unavailable`
  public static let budgetStoreUnavailable = ProblemCode(
    "budget_store_unavailable", .serviceUnavailable, meaning: "Budgets cannot be checked, so the call is not made.",
    remedy: "Check Redis; try again.")
  /// `rate_limit_store_unavailable`
  public static let rateLimitStoreUnavailable = ProblemCode(
    "rate_limit_store_unavailable", .serviceUnavailable,
    meaning: "Rate limits cannot be checked, so the call is not made.", remedy: "Check Redis; try again.")
  /// `call_timeout`
  public static let callTimeout = ProblemCode(
    "call_timeout", .gatewayTimeout, meaning: "The time for the whole call was over.",
    remedy: "Raise `call.timeout_ms`, or ask for a shorter answer.")
}

extension ProblemCode {
  /// Model calls that fail at the provider.
  static let providers: [ProblemCode] = [
    providerUnreachable, providerTimeout, providerFailed, providerError, providerOverloaded, providerRateLimited,
    providerRejectedKey, providerKeyMissing, providerOutOfCredit, providerUnknownModel, providerRefused,
    providerGarbage, providersCooling, answerTooLarge, contentFilter,
  ]

  /// `provider_unreachable`
  public static let providerUnreachable = ProblemCode(
    "provider_unreachable", .badGateway, meaning: "The provider cannot be reached.",
    remedy: "Check `base_url` and the network.")
  /// `provider_timeout`
  public static let providerTimeout = ProblemCode(
    "provider_timeout", .gatewayTimeout, meaning: "The provider did not answer in time.", remedy: "Try again.")
  /// `provider_failed`
  public static let providerFailed = ProblemCode(
    "provider_failed", .badGateway, meaning: "The provider failed, or the connection to it broke.",
    remedy: "Try again.")
  /// `provider_error`
  public static let providerError = ProblemCode(
    "provider_error", .badGateway, or: .overloaded, meaning: "The provider broke off an answer that had begun.",
    remedy: "Try again.")
  /// `provider_overloaded`
  public static let providerOverloaded = ProblemCode(
    "provider_overloaded", .overloaded, or: .serviceUnavailable, meaning: "The provider is overloaded.",
    remedy: "Try again later.")
  /// `provider_rate_limited`
  public static let providerRateLimited = ProblemCode(
    "provider_rate_limited", .tooManyRequests, meaning: "The provider limits the rate of calls.",
    remedy: "Try again after `Retry-After`, or add keys.")
  /// `provider_rejected_key`
  public static let providerRejectedKey = ProblemCode(
    "provider_rejected_key", .badGateway, meaning: "The provider does not accept its API key.",
    remedy: "Check the keys of this provider.")
  /// `provider_key_missing`
  public static let providerKeyMissing = ProblemCode(
    "provider_key_missing", .badGateway, meaning: "No key of the provider can be found.",
    remedy: "Check its key references.")
  /// `provider_out_of_credit`
  public static let providerOutOfCredit = ProblemCode(
    "provider_out_of_credit", .badGateway, meaning: "The account at the provider has no credit or quota left.",
    remedy: "Fill it up, or add another provider.")
  /// `provider_unknown_model`
  public static let providerUnknownModel = ProblemCode(
    "provider_unknown_model", .badGateway, meaning: "The provider does not know the model.",
    remedy: "Check `provider_model`.")
  /// `provider_refused`
  public static let providerRefused = ProblemCode(
    "provider_refused", .badRequest, meaning: "The provider refused the request, with its own status.",
    remedy: "Correct what the message names.")
  /// `provider_garbage`
  public static let providerGarbage = ProblemCode(
    "provider_garbage", .badGateway, meaning: "The answer of the provider cannot be read.", remedy: "Try again.")
  /// `providers_cooling`
  public static let providersCooling = ProblemCode(
    "providers_cooling", .serviceUnavailable, meaning: "All providers of the model failed lately and are paused.",
    remedy: "Try again shortly.")
  /// `answer_too_large`
  public static let answerTooLarge = ProblemCode(
    "answer_too_large", .badGateway, meaning: "The answer is larger than what is accepted.",
    remedy: "Ask for a shorter one.")
  /// `content_filter`
  public static let contentFilter = ProblemCode(
    "content_filter", .badRequest, meaning: "A content filter refused the request or the answer.",
    remedy: "Change the prompt.")
}
