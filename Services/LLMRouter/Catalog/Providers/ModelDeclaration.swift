package import Pricing
internal import Primitives
package import Routing
package import Settings

/// A model as the configuration declares it.
package struct ModelDeclaration: Sendable, Equatable {
  package let name: String
  package let providerModel: String
  package let tier: Tier?
  package let contextTokens: Int64?
  package let outputTokensMax: Int64?
  package let price: Price?

  /// A model.
  package init(
    name: String, providerModel: String, tier: Tier? = nil, contextTokens: Int64? = nil,
    outputTokensMax: Int64? = nil, price: Price? = nil
  ) {
    self.name = name
    self.providerModel = providerModel
    self.tier = tier
    self.contextTokens = contextTokens
    self.outputTokensMax = outputTokensMax
    self.price = price
  }

  /// A model in a configuration.
  package static let type = SettingType<ModelDeclaration>.map { reader in
    let name = reader.value("name", .string(bytesMaximum: 200, allowsEmpty: false))
    func price(_ key: String) -> Int64? {
      reader.optional(key, .number(in: 0...100_000)).map { Int64(saturating: $0 * 1_000_000) }
    }
    let (input, output) = (price("input_usd_per_million"), price("output_usd_per_million"))
    let (read, write) = (price("cache_read_usd_per_million"), price("cache_write_usd_per_million"))
    return ModelDeclaration(
      name: name, providerModel: reader.value("provider_model", .string(bytesMaximum: 200), default: name),
      tier: reader.optional("tier", .word(Tier.self)),
      contextTokens: reader.optional("context_tokens", .int(in: 1...1_000_000_000)).map(Int64.init),
      outputTokensMax: reader.optional("output_tokens_max", .int(in: 1...1_000_000_000)).map(Int64.init),
      price: input.flatMap { input in
        output.map { Price(input: input, output: $0, cacheRead: read, cacheWrite: write) }
      })
  }
}
