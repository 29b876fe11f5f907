package import AnswerCache
package import Contracts
package import ModelCatalog
internal import PolicyDecisions
internal import Postgres
internal import Redis
internal import ServiceKit
package import Settings
internal import SystemSources

/// The router's own settings.
package enum RouterSettings {
  package static let connections = PostgresSettings.connections(default: 1)
  package static let providers = Setting(
    "providers", .list(of: ProviderDeclaration.type), default: [],
    "Providers in order of preference: name, kind, base_url (with /v1), api_key or api_key_file, models. Those of the API come in their place when they have their names."
  )
  package static let defaultModel = Setting(
    "model.default", .string(bytesMaximum: 200), default: "",
    "Model of calls that name none or \"default\"; empty takes the first model of the first provider.")
  package static let timeout = Setting(
    "provider.timeout_ms", .milliseconds(in: 100...3_600_000), default: .seconds(600),
    "Time for a whole answer of a provider, and for the begin of a stream when no other provider can be asked.")
  package static let firstToken = Setting(
    "provider.first_token_ms", .optional(.milliseconds(in: 100...3_600_000)), default: nil,
    "Time for the first token of a stream (text, thoughts or arguments); then the next provider is tried. Unset: two minutes while another provider can be asked, else provider.timeout_ms."
  )
  package static let stall = Setting(
    "provider.stall_ms", .optional(.milliseconds(in: 100...3_600_000)), default: nil,
    "The longest time between two tokens of a stream; comments and pings do not count. Unset: five minutes, or provider.timeout_ms if that is less."
  )
  package static let callTimeout = Setting(
    "call.timeout_ms", .milliseconds(in: 1000...3_600_000), default: .seconds(1800),
    "Time for a whole call with all its attempts, streams to their end.")
  package static let attempts = Setting(
    "call.attempts_max", .int(in: 1...20), default: 4, "Attempts of one call over all providers and keys.")
  package static let retryPause = Setting(
    "call.retry_pause_ms", .milliseconds(in: 1...60_000), default: .milliseconds(250),
    "The pause before a model is asked again after a failure that may pass; doubled each time.")
  package static let shortRetryAfter = Setting(
    "call.short_retry_after_ms", .milliseconds(in: 0...600_000), default: .seconds(3),
    "A Retry-After up to this is waited for at the same model, although another one could be asked.")
  package static let heartbeat = Setting(
    "stream.heartbeat_ms", .milliseconds(in: 0...600_000), default: .seconds(15),
    "The longest silence of a stream towards its caller; then a comment or a ping is sent. 0: none.")
  package static let breakerFailures = Setting(
    "breaker.failures", .int(in: 1...1000), default: 5, "Failures in a row after which a provider gets a pause.")
  package static let breakerCool = Setting(
    "breaker.cool_ms", .milliseconds(in: 10...3_600_000), default: .seconds(1),
    "The first pause of a provider; doubled each time its probe fails.")
  package static let breakerCoolMax = Setting(
    "breaker.cool_max_ms", .milliseconds(in: 10...3_600_000), default: .seconds(60), "The longest of these pauses.")
  package static let breakerKeyCool = Setting(
    "breaker.key_cool_ms", .milliseconds(in: 10...3_600_000), default: .seconds(60),
    "The pause of a key that is not accepted or has no credit.")
  package static let outputTokens = Setting(
    "budget.output_tokens_default", .int(in: 1...1_000_000), default: 8192,
    "Bound of an answer on a budget when neither the caller nor the model has one.")
  package static let queueCount = Setting(
    "rate.queue_max", .int(in: 0...100_000), default: 1000,
    "Calls of this process that wait at a rate limit; more are refused at once.")
  package static let queueTime = Setting(
    "rate.queue_time_ms", .milliseconds(in: 0...600_000), default: .seconds(10),
    "How long a call waits at a rate limit before it is refused.")
  package static let allowsUnpriced = Setting(
    "budget.allows_unpriced", .bool, default: false, "Lets models without a price be called on budgets in money.")
  package static let answerBytes = Setting(
    "answer.max_bytes", .int(in: 1024...(1 << 30)), default: 64 << 20,
    "Larger answers of providers are broken off, streams too.")
  package static let deniedTexts = Setting(
    "guard.denied_texts", .strings(countMaximum: 1000), default: [],
    "Requests in which one of these texts occurs are refused, whatever the case of its ASCII letters.")
  package static let deniedModels = Setting(
    "guard.denied_models", .strings(countMaximum: 1000), default: [], "Models, by name, that nobody may call.")
  package static let redactions = Setting(
    "guard.redacted_patterns", .strings(countMaximum: 50), default: [],
    "Extended regular expressions (POSIX); what they match in messages of providers is replaced before it is shown or logged."
  )
  package static let probeInterval = Setting(
    "health.probe_interval_ms", .milliseconds(in: 0...3_600_000), default: .seconds(30),
    "How often each provider is asked for its models, to see that it is there; 0: never.")
  package static let cacheMode = Setting(
    "cache.mode", .word(CacheMode.self), default: .deterministic,
    "Which answers are kept: off, asked (by Cache-Control: max-age), deterministic (also temperature 0 and embeddings), all."
  )
  package static let cacheTime = Setting(
    "cache.time_ms", .milliseconds(in: 1000...(30 * 86_400_000)), default: .seconds(3600),
    "How long an answer is kept when its caller says nothing.")
  package static let cacheBytes = Setting(
    "cache.answer_max_bytes", .int(in: 1024...(64 << 20)), default: 1 << 20, "Larger answers are not kept.")
  package static let keyFolder = Setting(
    "keys.folder", .string(), default: "", "Folder of the key files that providers refer to.")
  package static let pricesFile = Setting(
    "prices.file", .string(), default: "",
    "A price table in place of the one that is built in: CSV with the same columns (docs/models.md).")
  package static let spoolFolder = Setting(
    "ledger.spool_folder", .string(), default: "",
    "Folder in which calls stand until they are in the ledger, so that the end of the process loses none. Keep it on a volume; empty: none."
  )
  // A single provider can be given by environment alone.
  package static let url = Setting(
    "provider.url", .optional(.url()), default: nil,
    "Base URL (with /v1) of a single provider, instead of the list of providers.")
  package static let key = Setting("provider.key", .secret, default: Secret(""), "Key of that single provider.")
  package static let model = Setting(
    "provider.model", .string(bytesMaximum: 200), default: "mock-model", "Model of that single provider.")
  package static let inputPrice = Setting(
    "provider.input_usd_per_million", .optional(.number(in: 0...100_000)), default: nil,
    "Price of a million prompt tokens of that model, in US dollars; unknown when unset.")
  package static let outputPrice = Setting(
    "provider.output_usd_per_million", .optional(.number(in: 0...100_000)), default: nil,
    "Price of a million answer tokens of that model, in US dollars; unknown when unset.")

  package static let virtualKeys = Setting(
    "virtual_keys.signing_keys", .secret,
    "Keys with which the llm-router signs virtual keys: id:secret (32 to 256 bytes), separated by commas. The first signs, all verify."
  )

  /// The keys of virtual keys. Throws `KeyListError`.
  package static func virtualKeys(_ settings: Settings) throws(KeyListError) -> KeyList {
    try KeyList(settings[virtualKeys].reveal(), named: virtualKeys.key)
  }

  package static let all: [any SettingDeclaration] =
    PostgresSettings.all + [
      IdentitySettings.gatewayKeys, IdentitySettings.stepKeys, virtualKeys, connections, providers, defaultModel,
      timeout, firstToken,
      stall, callTimeout, attempts, retryPause, shortRetryAfter, heartbeat, breakerFailures, breakerCool,
      breakerCoolMax,
      breakerKeyCool, outputTokens, queueCount, queueTime, allowsUnpriced, answerBytes, deniedTexts,
      deniedModels, redactions, probeInterval, cacheMode, cacheTime, cacheBytes,
      keyFolder, pricesFile, spoolFolder, url,
      key, model, inputPrice, outputPrice,
    ] + RedisSettings.all + PolicySettings.all
}
