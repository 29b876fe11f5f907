/// The table by which refusals of providers are classified. Rules are tried in their order; codes come before phrases,
/// because a phrase of one provider is harmless prose of another. All phrases are lower case.
enum FailureRules {
  /// A rule holds when the status is one of `statuses` and one of its codes or phrases occurs.
  struct Rule: Sendable {
    let failure: FailureClass
    /// Empty: any.
    let statuses: [ClosedRange<Int>]
    var codes: Set<String> = []
    var phrases: [String] = []

    func matches(_ status: Int, _ body: ErrorBody) -> Bool {
      guard statuses.isEmpty || statuses.contains(where: { $0.contains(status) }) else { return false }
      return body.codes.contains { codes.contains($0) } || phrases.contains { body.text.contains($0) }
    }
  }

  static func classify(status: Int, _ body: ErrorBody) -> FailureClass {
    for rule in rules where rule.matches(status, body) { return rule.failure }
    switch status {
    case 401, 403: return .key
    case 402: return .money
    case 404, 410: return .model
    case 408, 409, 421, 425, 499: return .transport
    case 424: return .provider
    case 413: return .context
    case 429: return .rate
    case 504, 522, 524, 598, 599: return .timeout
    case 529: return .overload
    case 400..<500: return .caller
    default: return .provider
    }
  }

  // In-band errors, which have no status of their own, count as 500.
  private static let refusals: [ClosedRange<Int>] = [200...200, 400...400, 403...403, 413...413, 422...422, 500...500]

  static let rules: [Rule] = [
    Rule(
      failure: .tools, statuses: [400...400, 404...404, 422...422, 500...501],
      phrases: [
        "does not support tools", "not support tool", "not support function call", "tools are not supported",
        "tools is not supported", "tool use is not supported", "tool calling is not supported",
        "function calling is not supported", "function calling is not enabled", "support tool use",
        "enable-auto-tool-choice", "tools not supported", "does not support the tools",
      ]),
    Rule(
      failure: .context, statuses: [],
      codes: [
        "context_length_exceeded", "exceed_context_size_error", "context_window_exceeded", "prompt_too_long",
        "input_too_long", "request_too_large", "model_max_prompt_tokens_exceeded", "max_context_length_exceeded",
      ]),
    Rule(
      failure: .content, statuses: [],
      codes: [
        "content_filter", "content_policy_violation", "content_filtered", "moderation_blocked",
        "responsibleaipolicyviolation", "data_inspection_failed", "datainspectionfailed", "prohibited_content",
        "safety", "image_safety", "sensitive_content_detected", "inputtextsensitivecontentdetected",
      ]),
    Rule(
      failure: .money, statuses: [],
      codes: [
        "insufficient_quota", "billing_error", "credit_balance_exhausted", "billing_hard_limit_reached",
        "billing_not_active", "insufficient_balance", "insufficient_credits", "insufficient_funds", "payment_required",
        "arrearage", "exceeded_current_quota_error", "quota_exhausted", "accountoverdueerror",
      ]),
    Rule(
      failure: .key, statuses: [400...401, 403...403, 500...500],
      codes: [
        "invalid_api_key", "api_key_invalid", "authentication_error", "invalid_authentication_error", "unauthenticated",
        "account_deactivated", "invalid_token", "invalidapikey", "api_key_expired",
      ]),
    Rule(
      failure: .overload, statuses: [],
      codes: [
        "overloaded_error", "engine_overloaded_error", "server_overloaded", "model_overloaded", "overloaded",
        "serveroverloaded", "capacity_exceeded", "no_capacity", "slow_down",
      ]),
    Rule(
      failure: .rate, statuses: [],
      codes: [
        "rate_limit_error", "rate_limit_exceeded", "rate_limit_reached_error", "resource_exhausted",
        "too_many_requests",
        "throttlingexception", "throttling", "ratelimitreached", "throttled",
      ]),
    Rule(
      failure: .timeout, statuses: [],
      codes: ["timeout_error", "request_timeout", "deadline_exceeded", "gateway_timeout"]),
    Rule(
      failure: .model, statuses: [400...400, 404...404, 410...410, 422...422],
      codes: [
        "model_not_found", "model_not_available", "unknown_model", "invalid_model", "deploymentnotfound",
        "model_not_exist", "modelnotfound", "model_decommissioned", "model_not_supported",
      ]),
    Rule(
      failure: .context, statuses: refusals,
      phrases: [
        "prompt is too long", "prompt too long", "prompt exceeds", "input is too long", "input too long",
        "maximum context length", "model's context length", "context length of", "context length exceeded",
        "exceeds the context length", "exceed context limit", "exceeds context limit", "exceeds the context limit",
        "context window", "context size", "too many tokens", "maximum number of tokens allowed",
        "maximum number of input tokens", "input tokens exceed", "input token count", "exceeded model token limit",
        "exceeds the model's maximum", "exceeds model's maximum", "maximum prompt length", "maximum input length",
        "max_new_tokens` must be <=", "reduce the length of the messages", "reduce the length of the prompt",
        "reduce the length of your prompt", "reduce the length of the input", "reduce your prompt",
        "range of input length should be", "context_length_exceeded", "longer than the maximum model length",
        "larger than the maximum allowed tokens", "exceeds the limit of", "tokens exceeds the limit",
        "token limit exceeded", "exceeds the token limit", "exceeds the maximum length of",
      ]),
    Rule(
      failure: .content, statuses: refusals + [451...451],
      phrases: [
        "content filter", "content management policy", "content policy", "content_filter", "safety system",
        "safety settings", "blocked for safety", "due to safety", "usage policies", "usage policy",
        "prohibited content", "prohibited_content", "prohibited use", "inappropriate content", "responsible ai",
        "guardrail", "was flagged", "flagged as", "flagged by", "sensitive content", "moderation system",
        "requires moderation",
      ]),
    Rule(
      failure: .money, statuses: [400...403, 429...429, 500...500],
      phrases: [
        "credit balance", "usage limits", "insufficient balance", "insufficient credit", "insufficient fund",
        "insufficient quota", "exceeded your current quota", "not enough credit", "out of credit", "no credits",
        "more credits", "purchase credits", "add credits", "spend limit", "spending limit", "spending cap",
        "billing hard limit", "check your billing", "billing details", "payment required", "payment is required",
        "overdue payment", "in arrears", "account balance", "account is not active", "monthly limit", "prepayment",
      ]),
    Rule(
      failure: .key, statuses: [400...401, 403...403],
      phrases: [
        "api key not valid", "invalid api key", "invalid x-api-key", "incorrect api key", "api key expired",
        "api key is invalid", "api key has expired", "missing api key", "no api key", "invalid authentication",
        "invalid bearer token", "unauthorized",
      ]),
    Rule(
      failure: .overload, statuses: [429...429, 500...500, 502...503, 529...529],
      phrases: [
        "overloaded", "at capacity", "high demand", "over capacity", "out of capacity", "no capacity", "server is busy",
        "heavy load", "currently busy",
      ]),
    Rule(
      failure: .rate, statuses: [400...400, 403...403, 500...500, 503...503],
      phrases: [
        "rate limit", "ratelimit", "too many requests", "requests per minute", "tokens per minute", "throttl",
        "quota exceeded",
      ]),
    Rule(
      failure: .model, statuses: [400...400, 404...404, 410...410, 422...422],
      phrases: [
        "model not found", "model does not exist", "model not exist", "unknown model", "not a valid model",
        "invalid model", "model has been deprecated", "model has been decommissioned", "no endpoints found",
      ]),
  ]
}
