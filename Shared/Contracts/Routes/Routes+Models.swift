internal import HTTPWire

extension Routes {
  /// What clients of OpenAI and Anthropic know. A call costs, so it is never made twice. Names of models may hold
  /// slashes.
  public static let models: [RouteSpecification] = [
    call("/v1/chat/completions", "Asks a model for the next message of a chat."),
    call("/v1/completions", "Asks a model to complete a text."),
    call("/v1/responses", "Asks a model for a response, in the form of OpenAI's Responses API."),
    call("/v1/responses/input_tokens", "Counts the tokens of a request for a response."),
    call("/v1/embeddings", "Turns texts into vectors."),
    call("/v1/moderations", "Classifies texts by the rules of the provider."),
    call("/v1/messages", "Asks a model for the next message, in the form of Anthropic's Messages API."),
    call("/v1/messages/count_tokens", "Counts the tokens of a request for a message."),
    stored(.get, "/v1/responses/{id}", "Reads a response that the provider keeps."),
    stored(.delete, "/v1/responses/{id}", "Deletes a response that the provider keeps."),
    stored(.post, "/v1/responses/{id}/cancel", "Cancels a response that is being made in the background."),
    stored(.get, "/v1/responses/{id}/input_items", "Lists what a kept response was made of."),
    stored(.get, "/v1/files", "Lists the files that the provider keeps."),
    stored(.post, "/v1/files", "Uploads a file to the provider."),
    stored(.get, "/v1/files/{id}", "Describes a file that the provider keeps."),
    stored(.delete, "/v1/files/{id}", "Deletes a file that the provider keeps."),
    stored(.get, "/v1/files/{id}/content", "Downloads a file that the provider keeps."),
    .init(.get, "/v1/models", .router, .models, "Lists the models, aliases and tiers that can be asked for."),
    .init(.get, "/v1/models/{model*}", .router, .models, "Describes one of them."),
  ]

  private static let callBytesMax = 32 * mebibyte

  private static func call(_ pattern: String, _ summary: String) -> RouteSpecification {
    .init(
      .post, pattern, .router, .models, bodyBytesMax: callBytesMax, cancelsOnDisconnect: true, summary)
  }

  /// What a provider keeps. Only an operator's key reaches it, which the llm-router checks, with errors in the client's
  /// shape.
  private static func stored(
    _ method: HTTPMethod, _ pattern: String, _ summary: String
  ) -> RouteSpecification {
    .init(
      method, pattern, .router, .models, bodyBytesMax: callBytesMax, cancelsOnDisconnect: true, summary)
  }

  /// Providers, models, aliases, budgets, rate limits, keys, usage.
  public static let modelConfiguration: [RouteSpecification] = [
    .init(.get, "/api/v1/providers", .router, .operator, "Lists the providers with their health."),
    .init(.get, "/api/v1/providers/{provider}", .router, .operator, "Describes a provider."),
    .init(
      .put, "/api/v1/providers/{provider}", .router, .operator, bodyBytesMax: 64 * kibibyte,
      "Creates or changes a provider."),
    .init(.delete, "/api/v1/providers/{provider}", .router, .operator, "Deletes a provider."),
    .init(
      .delete, "/api/v1/providers/{provider}/health", .router, .operator,
      "Forgets the failures of a provider, so that it is asked again at once."),
    .init(.get, "/api/v1/providers/{provider}/models/{model}", .router, .operator, "Describes a model of a provider."),
    .init(
      .put, "/api/v1/providers/{provider}/models/{model}", .router, .operator, bodyBytesMax: 64 * kibibyte,
      "Creates or changes a model of a provider."),
    .init(.delete, "/api/v1/providers/{provider}/models/{model}", .router, .operator, "Deletes a model of a provider."),
    .init(.get, "/api/v1/models", .router, .tenant, "Lists the models with their properties and prices."),
    .init(.get, "/api/v1/aliases", .router, .tenant, "Lists the aliases."),
    .init(.get, "/api/v1/aliases/{alias}", .router, .tenant, "Describes an alias."),
    .init(
      .put, "/api/v1/aliases/{alias}", .router, .operator, bodyBytesMax: 64 * kibibyte,
      "Creates or changes an alias."),
    .init(.delete, "/api/v1/aliases/{alias}", .router, .operator, "Deletes an alias."),
    .init(.get, "/api/v1/budgets", .router, .tenant, "Lists the budgets with what is spent."),
    .init(.post, "/api/v1/budgets", .router, .tenant, bodyBytesMax: 16 * kibibyte, "Creates a budget."),
    .init(.get, "/api/v1/budgets/{id}", .router, .tenant, "Describes a budget."),
    .init(.patch, "/api/v1/budgets/{id}", .router, .tenant, bodyBytesMax: 16 * kibibyte, "Changes a budget."),
    .init(.delete, "/api/v1/budgets/{id}", .router, .tenant, "Deletes a budget."),
    .init(.get, "/api/v1/rate-limits", .router, .tenant, "Lists the rate limits."),
    .init(.post, "/api/v1/rate-limits", .router, .tenant, bodyBytesMax: 16 * kibibyte, "Creates a rate limit."),
    .init(.get, "/api/v1/rate-limits/{id}", .router, .tenant, "Describes a rate limit."),
    .init(.delete, "/api/v1/rate-limits/{id}", .router, .tenant, "Deletes a rate limit."),
    .init(
      .post, "/api/v1/virtual-keys", .router, .tenant, bodyBytesMax: 16 * kibibyte,
      "Makes a key with models, a budget and an end of its own."),
    .init(.delete, "/api/v1/virtual-keys/{id}", .router, .tenant, "Revokes a virtual key."),
    .init(.get, "/api/v1/usage", .router, .tenant, "Sums up what was used, by time and labels."),
    .init(.get, "/api/v1/calls", .router, .tenant, "Lists model calls."),
    .init(.get, "/api/v1/calls/{id}", .router, .tenant, "Describes a model call with its attempts."),
  ]
}
