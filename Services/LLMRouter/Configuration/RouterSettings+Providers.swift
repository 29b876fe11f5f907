package import ModelCatalog
internal import Pricing
internal import Primitives
package import Settings
internal import SystemSources

extension RouterSettings {
  /// All providers of the configuration; those of a list come in its order.
  package static func declaredProviders(_ settings: Settings) -> [DeclaredProvider] {
    var providers = settings[RouterSettings.providers]
    if let url = settings[RouterSettings.url] {
      func micro(_ price: Double?) -> Int64? { price.map { Int64(saturating: $0 * 1_000_000) } }
      let model = settings[RouterSettings.model]
      let (input, output) = (micro(settings[RouterSettings.inputPrice]), micro(settings[RouterSettings.outputPrice]))
      let price = input.flatMap { input in output.map { Price(input: input, output: $0) } }
      providers.append(
        ProviderDeclaration(
          name: "default", kind: .compatible, baseURL: url.text, key: settings[RouterSettings.key],
          models: [ModelDeclaration(name: model, providerModel: model, price: price)]))
    }
    let start = WallClock.now().unixMicroseconds / 1_000_000
    return providers.enumerated().map { $0.element.declared(index: $0.offset, createdAt: start) }
  }
}
