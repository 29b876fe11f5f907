internal import JSON

/// Schemas of providers, models, aliases, budgets, rate limits, keys, usage, and of what clients of OpenAI
/// and Anthropic send and get.
enum ModelSchemas {
  static let all: [(String, Schema)] = providers + models + aliases + spending + usage + calls

  static let dimensions = [
    "project", "group", "agent", "tool", "key", "run", "step", "principal", "model", "model_asked", "provider",
    "outcome",
    "cache", "dialect",
  ]
  static let buckets = ["hour", "day", "month"]

  private static let versioned: [Member] = [may("version", .int()), may("created_at", .time), may("updated_at", .time)]
  private static let source = Schema.words(["api", "configuration"])
  private static let preference = Schema.int(0...1000)
  private static let milliseconds = Schema.int(100...3_600_000)
  private static let name = Schema.text(200, min: 1)

  // MARK: Providers

  private static let kinds = ["openai", "anthropic", "gemini", "ollama", "vllm", "compatible"]

  private static let keySource = Schema.oneOf([
    .object([need("env", .text(100, pattern: "_API_KEY$"))], isSent: true),
    .object([need("file", .text(100, min: 1))], isSent: true),
  ])

  private static let providers: [(String, Schema)] = [
    (
      "ProviderDefinition",
      Schema.object(
        [
          may("kind", .words(kinds).standard(.string("compatible"))), may("base_url", .text(2048, min: 1)),
          may("keys", .list(keySource, 32), "Where keys are found; keys themselves are never taken."),
          may("priority", preference), may("weight", preference), may("timeout_ms", milliseconds),
          may("first_token_ms", milliseconds), may("stall_ms", milliseconds), may("enabled", .flag),
        ], isSent: true
      ).example(##"{"kind": "openai", "keys": [{"env": "OPENAI_API_KEY"}]}"##)
    ),
    ("Provider", provider), ("Providers", .object([need("providers", .list(.ref("Provider")))])),
  ]

  private static let provider = Schema.object(
    [
      need("name", .text()), need("kind", .words(kinds)), need("base_url", .text()),
      need("keys", .list(.oneOf([.text(), .free])), "Where its keys are found."), need("priority", .int()),
      need("weight", .int()), need("timeout_ms", .count), may("first_token_ms", .count), may("stall_ms", .count),
      need("enabled", .flag), need("source", source), need("missing_keys", .count),
      may(
        "probe",
        .object([need("up", .flag), need("at", .time), need("latency_us", .count), may("fault", .text())])),
      need(
        "unhealthy",
        .list(
          .object([need("model", .text()), need("key", .int()), need("breaker", .words(["open", "half_open"]))]))),
    ] + versioned)

  // MARK: Models

  private static let tiers = ["small", "medium", "large"]
  private static let capabilities = ["tools", "vision", "json_schema", "reasoning", "embeddings"]
  private static let dollars = Schema.number(0...100_000)
  private static let tokensMax: Int64 = 1_000_000_000

  private static let models: [(String, Schema)] = [
    (
      "ModelDefinition",
      Schema.object(
        [
          may("provider_model", name, "Its name at the provider."), may("tier", .words(tiers)),
          may("capabilities", .list(.words(capabilities), 16)), may("context_tokens", .int(1...tokensMax)),
          may("output_tokens_max", .int(1...tokensMax)), may("priority", preference), may("weight", preference),
          may("enabled", .flag), may("price", price(isSent: true)),
        ], isSent: true
      ).example(#"{"tier": "small", "context_tokens": 128000, "price": {"input": 0.15, "output": 0.6}}"#)
    ),
    (
      "Model",
      .object(
        [
          need("name", .text()), need("provider", .text()), need("provider_model", .text()),
          need("tier", Schema.words(tiers).orNull), may("capabilities", .list(.text())), may("context_tokens", .count),
          may("output_tokens_max", .count), need("priority", .int()), need("weight", .int()), need("enabled", .flag),
          need("source", source), need("price_known", .flag),
          need("price_source", .words(["declared", "table", "unknown"])), may("price", price(isSent: false)),
        ] + versioned)
    ),
    ("Models", .object([need("models", .list(.ref("Model")))])),
  ]

  /// US dollars per million tokens.
  private static func price(isSent: Bool) -> Schema {
    let members = [
      need("input", dollars), need("output", dollars), may("cache_read", dollars), may("cache_write", dollars),
      may("cache_write_1h", dollars), may("as_of", isSent ? .format("date") : .text()),
    ]
    let long = may(
      "long_prompt",
      .object([
        need("above_tokens", .count), need("input", .number()), need("output", .number()), may("cache_read", .number()),
      ]))
    return Schema.object(isSent ? members : members + [long], isSent: isSent)
      .about("US dollars per million tokens.")
  }

  // MARK: Aliases

  private static let strategies = ["priority", "weighted", "cheapest", "fastest", "least_busy"]
  private static let names = Schema.list(name, 32)

  private static let aliases: [(String, Schema)] = [
    (
      "AliasDefinition",
      Schema.object(
        [
          need("models", .list(name, 32, min: 1)), may("strategy", .words(strategies)), may("fallbacks", names),
          may("context_fallbacks", names), may("content_fallbacks", names), may("escalation", names),
          may("hedge_after_ms", .int(1...600_000)), may("rescue", .words(["continue", "buffer"])),
          may("check", Schema.free.orNull),
        ], isSent: true
      ).example(#"{"models": ["small-model"], "fallbacks": ["large-model"]}"#)
    ),
    (
      "Alias",
      .object([
        need("name", .text()), need("strategy", .words(strategies)), need("models", .list(.text())),
        need("fallbacks", .list(.text())), need("context_fallbacks", .list(.text())),
        need("content_fallbacks", .list(.text())), may("escalation", .list(.text())), may("hedge_after_ms", .count),
        may("rescue", .text()), may("check", .free), need("version", .int()),
      ])
    ),
    ("Aliases", .object([need("aliases", .list(.ref("Alias")))])),
  ]

  // MARK: Spending

  private static let periods = ["total", "hour", "day", "month"]
  private static let budgetScopes = ["tenant", "project", "group", "run", "agent", "tool", "key"]
  private static let rateScopes = ["model", "tenant", "project", "group", "run", "agent", "tool", "key"]
  private static let amounts: [Member] = [
    may("tokens", .int(0...9_000_000_000_000_000)), may("usd", .number(0...9_000_000)),
    may("alert_percent", .int(1...100)),
  ]
  private static let amount = Schema.object([may("tokens", .int()), may("usd", .number())])

  private static let spending: [(String, Schema)] = [
    (
      "NewBudget",
      Schema.object(
        [
          need("scope", .words(budgetScopes)), need("period", .words(periods)),
          may("subject", .text(200), "Whose, in the scope; empty for each of them."),
        ] + amounts, isSent: true
      ).example(#"{"scope": "tenant", "period": "month", "usd": 100}"#)
    ),
    ("BudgetChange", Schema.object(amounts, isSent: true).example(#"{"usd": 200}"#)),
    (
      "Budget",
      .object([
        need("id", .id("budget")), need("scope", .words(budgetScopes)), need("subject", .text()),
        need("period", .words(periods)), may("tokens", .count), may("usd", .number()), need("alert_percent", .int()),
        need("version", .int()), may("spent", amount), may("reserved", amount), may("left", amount),
        may("resets_at", .time),
      ])
    ),
    ("Budgets", .object([need("budgets", .list(.ref("Budget")))])),
    (
      "NewRateLimit",
      Schema.object(
        [need("scope", .words(rateScopes)), may("subject", .text(200))] + rates, isSent: true
      ).example(#"{"scope": "agent", "subject": "coder", "requests_per_minute": 60}"#)
    ),
    (
      "RateLimit",
      .object(
        [
          need("id", .id("limit")), need("scope", .words(rateScopes)), need("subject", .text()),
          need("version", .int()),
        ] + rates)
    ),
    ("RateLimits", .object([need("rate_limits", .list(.ref("RateLimit")))])),
    (
      "NewVirtualKey",
      Schema.object(
        [
          may("ttl_seconds", .int(1...604_800)), may("project", name), may("run", name), may("step", name),
          may("agent", name), may("tool", name), may("models", .list(name, 50)),
          may("tokens", .int(0...9_000_000_000_000_000)), may("usd", .number(0...9_000_000)),
        ], isSent: true
      ).example(#"{"agent": "coder", "models": ["tier:small"], "usd": 5, "ttl_seconds": 3600}"#)
    ),
    (
      "VirtualKey",
      .object([
        need("id", .id("key")), need("key", .text(), "Shown only here; stored nowhere."), need("expires_at", .time),
      ])
    ),
  ]

  private static let rates: [Member] = [
    may("requests_per_minute", .int(1...1_000_000_000)), may("tokens_per_minute", .int(1...1_000_000_000)),
    may("concurrency", .int(1...1_000_000)),
  ]

  // MARK: Usage

  private static let usage: [(String, Schema)] = [
    (
      "UsageReport",
      .object([need("from", .time), need("to", .time), need("usage", .list(.ref("UsageSum")))])
    ),
    (
      "UsageSum",
      .object(
        [may("bucket", .time)] + dimensions.map { may($0, Schema.text().orNull) }
          + [
            "calls", "attempts", "input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens",
            "unpriced_calls", "estimated_calls",
          ].map { need($0, .int()) } + [need("usd", .number()), need("saved_usd", .number())])
    ),
    ("ModelCall", modelCall), ("ModelCallPage", .page("calls", .ref("ModelCall"))),
    (
      "ModelCallWithAttempts",
      .object(
        [
          need("id", .id("call")), may("attempt_count", .int()), need("attempts", .list(.free)), need("total", .free),
        ], isOpen: true)
    ),
  ]

  /// What was asked for stands in `model_asked`, what has answered in `provider` and `model`.
  private static let modelCall = Schema.object(
    [
      need("id", .id("call")), may("model", Schema.text().orNull, "The model that has answered."),
      may("model_asked", Schema.text().orNull, "The model, alias or tier that was asked for."),
      may("provider", Schema.text().orNull), may("outcome", Schema.text().orNull),
    ], isOpen: true)

  // MARK: Calls of models

  private static let calls: [(String, Schema)] = [
    (
      "ModelRequest",
      Schema.object([may("model", .text())], isOpen: true)
        .about(
          "As the provider's own documentation describes it; members that the llm-router does not know are passed on."
        )
        .example(#"{"model": "tier:small", "messages": [{"role": "user", "content": "Hello"}]}"#)
    ),
    ("ModelAnswer", Schema.object([], isOpen: true)),
    (
      "ModelList",
      .object([need("data", .list(.object([need("id", .text())], isOpen: true)))], isOpen: true)
    ),
    ("ModelDescription", .object([need("id", .text())], isOpen: true)),
    ("TokenCount", .object([need("input_tokens", .count)], isOpen: true)),
    (
      "OpenAIError",
      .object(
        [
          need(
            "error",
            .object(
              [
                need("message", .text()), need("type", .text()), need("param", Schema.text().orNull),
                need("code", Schema.oneOf([.text(), .int()]).orNull),
              ], isOpen: true))
        ], isOpen: true)
    ),
    (
      "AnthropicError",
      .object(
        [
          need("type", .words(["error"])),
          need("error", .object([need("type", .text()), need("message", .text())], isOpen: true)),
        ], isOpen: true)
    ),
  ]
}
