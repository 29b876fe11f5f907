internal import HTTPWire
internal import Routing
package import Settings

/// A provider as the configuration declares it.
package struct ProviderDeclaration: Sendable, Equatable {
  package let name: String
  package let kind: ProviderKind
  package let baseURL: String
  package let key: Secret
  package let priority: Int
  package let weight: Int
  package let times: ProviderTimes.Own
  package let models: [ModelDeclaration]

  /// A provider.
  package init(
    name: String, kind: ProviderKind, baseURL: String, key: Secret, priority: Int = 0, weight: Int = 1,
    times: ProviderTimes.Own = ProviderTimes.Own(), models: [ModelDeclaration]
  ) {
    self.name = name
    self.kind = kind
    self.baseURL = baseURL
    self.key = key
    self.priority = priority
    self.weight = weight
    self.times = times
    self.models = models
  }

  /// A provider in a configuration.
  package static let type = SettingType<ProviderDeclaration>.map { reader in
    func time(_ name: String) -> Duration? { reader.optional(name, .milliseconds(in: 100...3_600_000)) }
    let kind = reader.value("kind", .word(ProviderKind.self), default: .compatible)
    let url = reader.optional("base_url", .url())?.text ?? kind.baseURL ?? ""
    if (try? HTTPURL(url)) == nil { reader.fault("base_url", "not a URL that can be called") }
    return ProviderDeclaration(
      name: reader.value("name", .string(bytesMaximum: 100, allowsEmpty: false)), kind: kind, baseURL: url,
      key: reader.value("api_key", .secret, default: Secret("")),
      priority: reader.value("priority", .int(in: 0...1000), default: 0),
      weight: reader.value("weight", .int(in: 0...1000), default: 1),
      times: ProviderTimes.Own(
        timeout: time("timeout_ms"), firstToken: time("first_token_ms"), stall: time("stall_ms")),
      models: reader.value("models", .list(of: ModelDeclaration.type)))
  }

  /// The provider as the catalog has it. `index` is its place in the list of the configuration.
  package func declared(index: Int, createdAt: Int64) -> DeclaredProvider {
    let isKeyless = key.reveal().isEmpty
    let record = ProviderRecord(
      name: name, kind: kind, baseURL: baseURL, configuredKey: isKeyless ? nil : key, priority: priority,
      weight: weight, times: times)
    return DeclaredProvider(
      provider: record,
      models: models.map { model in
        ModelTarget(
          provider: name, name: model.name, providerModel: model.providerModel, tier: model.tier,
          contextTokens: model.contextTokens, outputTokensMax: model.outputTokensMax, price: model.price,
          // Without a priority the order of the list counts.
          priority: priority * 1000 + index, weight: weight, createdAt: createdAt)
      })
  }
}
