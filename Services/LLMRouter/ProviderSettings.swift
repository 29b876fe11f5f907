internal import HTTPWire
internal import Settings

/// A model as the configuration declares it.
struct ModelDeclaration: Sendable, Equatable {
  /// The name by which callers ask for it.
  let name: String
  /// The name that the provider knows.
  let providerModel: String
  /// Prices in millionths of a US dollar per million tokens; nil when unknown, which is shown and never taken for zero.
  let inputPrice: Int64?
  let outputPrice: Int64?

  static let type = SettingType<ModelDeclaration>.map { reader in
    let name = reader.value("name", .string(bytesMaximum: 200, allowsEmpty: false))
    func price(_ key: String) -> Int64? {
      reader.optional(key, .number(in: 0...1_000_000)).map { Int64(($0 * 1_000_000).rounded()) }
    }
    return ModelDeclaration(
      name: name, providerModel: reader.value("provider_model", .string(bytesMaximum: 200), default: name),
      inputPrice: price("input_usd_per_million"), outputPrice: price("output_usd_per_million"))
  }
}

/// A provider as the configuration declares it.
struct ProviderDeclaration: Sendable, Equatable {
  let name: String
  let baseURL: String
  let key: Secret
  let models: [ModelDeclaration]

  static let type = SettingType<ProviderDeclaration>.map { reader in
    let url = reader.value("base_url", .url())
    if (try? HTTPURL(url.text)) == nil { reader.fault("base_url", "not a URL that can be called") }
    return ProviderDeclaration(
      name: reader.value("name", .string(bytesMaximum: 100, allowsEmpty: false)), baseURL: url.text,
      key: reader.value("api_key", .secret, default: Secret("")),
      models: reader.value("models", .list(of: ModelDeclaration.type)))
  }
}

/// The router's own settings.
enum RouterSettings {
  static let providers = Setting(
    "providers", .list(of: ProviderDeclaration.type), default: [],
    "OpenAI-compatible providers in order of preference: name, base_url (with /v1), api_key or api_key_file, models.")
  static let defaultModel = Setting(
    "model.default", .string(bytesMaximum: 200), default: "",
    "Model of calls that name none or \"default\"; empty takes the first model of the first provider.")
  static let timeout = Setting(
    "provider.timeout_ms", .milliseconds(in: 100...3_600_000), default: .seconds(120),
    "Time for a provider to begin its answer.")
  // A single provider can be given by environment alone.
  static let url = Setting(
    "provider.url", .optional(.url()), default: nil,
    "Base URL (with /v1) of a single provider, instead of the list of providers.")
  static let key = Setting("provider.key", .secret, default: Secret(""), "Key of that single provider.")
  static let model = Setting(
    "provider.model", .string(bytesMaximum: 200), default: "mock-model", "Model of that single provider.")
  static let inputPrice = Setting(
    "provider.input_usd_per_million", .optional(.number(in: 0...1_000_000)), default: nil,
    "Price of a million prompt tokens of that model, in US dollars; unknown when unset.")
  static let outputPrice = Setting(
    "provider.output_usd_per_million", .optional(.number(in: 0...1_000_000)), default: nil,
    "Price of a million answer tokens of that model, in US dollars; unknown when unset.")
}
