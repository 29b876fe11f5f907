internal import Contracts
internal import HTTPWire
internal import JSON

/// Operations of models, providers, aliases, budgets, rate limits, keys and usage.
enum ModelOperations {
  static let all: [(String, Operation)] = calls + kept + configuration + spending + usage

  /// Addresses whose documents are those of OpenAI and Anthropic.
  private static let calls: [(String, Operation)] =
    [
      ("chat/completions", "createChatCompletion"), ("completions", "createCompletion"),
      ("responses", "createResponse"), ("messages", "createMessage"),
    ].map { (path, name) in
      (
        "POST /v1/\(path)",
        Operation(name, "Models", "With `\"stream\": true` the answer is a stream of server-sent events.")
          .sends("ModelRequest").takesAnyQuery
          .answers(
            .ok, types: [("application/json", .ref("ModelAnswer")), ("text/event-stream", .text())], "The answer.")
      )
    }
    + [
      ("embeddings", "createEmbeddings"), ("moderations", "createModeration"),
    ].map { (path, name) in
      (
        "POST /v1/\(path)",
        Operation(name, "Models").sends("ModelRequest").takesAnyQuery.answers(.ok, "ModelAnswer")
      )
    }
    + [
      ("responses/input_tokens", "countResponseTokens"), ("messages/count_tokens", "countMessageTokens"),
    ].map { (path, name) in
      ("POST /v1/\(path)", Operation(name, "Models").sends("ModelRequest").takesAnyQuery.answers(.ok, "TokenCount"))
    }

  private static let kept: [(String, Operation)] =
    [
      ("GET /v1/responses/{id}", "getResponse"), ("DELETE /v1/responses/{id}", "deleteResponse"),
      ("POST /v1/responses/{id}/cancel", "cancelResponse"),
      ("GET /v1/responses/{id}/input_items", "listResponseInputs"),
      ("GET /v1/files", "listFiles"), ("POST /v1/files", "uploadFile"), ("GET /v1/files/{id}", "getFile"),
      ("DELETE /v1/files/{id}", "deleteFile"),
    ].map { (address, name) in
      (
        address,
        Operation(name, "Models", "Kept by a provider; for operators.").takesAnyQuery.answers(.ok, "ModelAnswer")
      )
    }
    + [
      (
        "GET /v1/files/{id}/content",
        Operation("getFileContent", "Models", "Kept by a provider; for operators.").takesAnyQuery
          .answers(.ok, types: [("*/*", .any)], "The bytes.")
      ),
      ("GET /v1/models", Operation("listCallableModels", "Models").takesAnyQuery.answers(.ok, "ModelList")),
      (
        "GET /v1/models/{model*}",
        Operation("getCallableModel", "Models").takesAnyQuery.answers(.ok, "ModelDescription")
      ),
    ]

  private static let configuration: [(String, Operation)] = [
    ("GET /api/v1/providers", Operation("listProviders", "Model configuration").answers(.ok, "Providers")),
    (
      "GET /api/v1/providers/{provider}",
      Operation("getProvider", "Model configuration").answers(.ok, "Provider", headers: ["ETag"])
    ),
    (
      "PUT /api/v1/providers/{provider}",
      Operation("putProvider", "Model configuration").guarded.sends("ProviderDefinition")
        .answers(.created, "Provider", "It is new.", headers: ["ETag"])
        .answers(.ok, "Provider", "It was changed.", headers: ["ETag"]).fails(.tooMany)
    ),
    (
      "DELETE /api/v1/providers/{provider}", Operation("deleteProvider", "Model configuration").answersNothing()
    ),
    (
      "DELETE /api/v1/providers/{provider}/health",
      Operation("forgetProviderFailures", "Model configuration").answersNothing()
    ),
    (
      "GET /api/v1/providers/{provider}/models/{model}",
      Operation("getModel", "Model configuration").answers(.ok, "Model", headers: ["ETag"])
    ),
    (
      "PUT /api/v1/providers/{provider}/models/{model}",
      Operation("putModel", "Model configuration").guarded.sends("ModelDefinition")
        .answers(.created, "Model", "It is new.", headers: ["ETag"])
        .answers(.ok, "Model", "It was changed.", headers: ["ETag"]).fails(.tooMany, .nameTaken)
    ),
    (
      "DELETE /api/v1/providers/{provider}/models/{model}",
      Operation("deleteModel", "Model configuration").answersNothing()
    ),
    (
      "GET /api/v1/models",
      Operation("listModels", "Model configuration", "All of them.")
        .item("provider", .text(100), "Only of this provider.")
        .item("tier", .words(["small", "medium", "large"]), "Only of this tier.").answers(.ok, "Models")
    ),
    ("GET /api/v1/aliases", Operation("listAliases", "Model configuration", "All of them.").answers(.ok, "Aliases")),
    (
      "GET /api/v1/aliases/{alias}",
      Operation("getAlias", "Model configuration").answers(.ok, "Alias", headers: ["ETag"])
    ),
    (
      "PUT /api/v1/aliases/{alias}",
      Operation("putAlias", "Model configuration").guarded.sends("AliasDefinition")
        .answers(.created, "Alias", "It is new.", headers: ["ETag"])
        .answers(.ok, "Alias", "It was changed.", headers: ["ETag"]).fails(.nameTaken, .tooMany)
    ),
    ("DELETE /api/v1/aliases/{alias}", Operation("deleteAlias", "Model configuration").answersNothing()),
  ]

  private static let spending: [(String, Operation)] = [
    ("GET /api/v1/budgets", Operation("listBudgets", "Budgets").answers(.ok, "Budgets")),
    (
      "POST /api/v1/budgets",
      Operation("createBudget", "Budgets").sends("NewBudget").answers(
        .created, "Budget", headers: ["ETag", "Location"]
      )
      .fails(.budgetExists, .tooMany)
    ),
    (
      "GET /api/v1/budgets/{id}",
      Operation("getBudget", "Budgets")
        .item("subject", .text(200), "Whose part of a budget without a subject is shown.")
        .answers(.ok, "Budget", headers: ["ETag"])
    ),
    (
      "PATCH /api/v1/budgets/{id}",
      Operation("changeBudget", "Budgets").guarded.sends("BudgetChange").answers(.ok, "Budget", headers: ["ETag"])
    ),
    ("DELETE /api/v1/budgets/{id}", Operation("deleteBudget", "Budgets").answersNothing()),
    ("GET /api/v1/rate-limits", Operation("listRateLimits", "Budgets").answers(.ok, "RateLimits")),
    (
      "POST /api/v1/rate-limits",
      Operation("createRateLimit", "Budgets").sends("NewRateLimit")
        .answers(.created, "RateLimit", headers: ["Location"]).fails(.rateLimitExists, .tooMany)
    ),
    ("GET /api/v1/rate-limits/{id}", Operation("getRateLimit", "Budgets").answers(.ok, "RateLimit")),
    ("DELETE /api/v1/rate-limits/{id}", Operation("deleteRateLimit", "Budgets").answersNothing()),
    (
      "POST /api/v1/virtual-keys",
      Operation("createVirtualKey", "Budgets").sends("NewVirtualKey").answers(.created, "VirtualKey")
    ),
    ("DELETE /api/v1/virtual-keys/{id}", Operation("revokeVirtualKey", "Budgets").answersNothing()),
  ]

  private static func ranged(_ operation: Operation) -> Operation {
    ModelSchemas.dimensions.reduce(
      operation.item("from", .time, "Calls from this time.").item("to", .time, "Calls before this time.")
    ) { $0.item($1, .text(), "Only calls with this `\($1)`.") }
  }

  private static let usage: [(String, Operation)] = [
    (
      "GET /api/v1/usage",
      ranged(Operation("getUsage", "Usage"))
        .item("group_by", .text(), "Up to 5 dimensions, separated by commas.")
        .item("bucket", .words(ModelSchemas.buckets), "Sums for each of these.")
        .item("format", Schema.words(["json", "csv"]).standard(.string("json")), "The form of the answer.")
        .answers(.ok, types: [("application/json", .ref("UsageReport")), ("text/csv", .text())], "The sums.")
    ),
    (
      "GET /api/v1/calls",
      ranged(Operation("listCalls", "Usage", "Newest first.")).paged(50, 500, cursor: .id("call"))
        .answers(.ok, "ModelCallPage")
    ),
    ("GET /api/v1/calls/{id}", Operation("getCall", "Usage").answers(.ok, "ModelCallWithAttempts")),
  ]
}
