internal import HTTPWire
internal import Settings

/// A model that can be called, with its provider.
struct Target: Sendable {
  let provider: String
  let completions: HTTPURL
  let key: Secret
  let model: ModelDeclaration
}

/// Which name leads to which model. Pure: the same catalog and name give the same answer on every replica.
struct ModelCatalog: Sendable {
  private let targets: [String: Target]
  /// The names, in order of declaration.
  let names: [String]
  private let standard: String

  /// Builds the catalog. Throws when there is no model or a name is given twice.
  init(_ settings: Settings) throws {
    var providers = settings[RouterSettings.providers]
    if let url = settings[RouterSettings.url] {
      func micro(_ price: Double?) -> Int64? { price.map { Int64(($0 * 1_000_000).rounded()) } }
      let model = settings[RouterSettings.model]
      providers.append(
        ProviderDeclaration(
          name: "default", baseURL: url.text, key: settings[RouterSettings.key],
          models: [
            ModelDeclaration(
              name: model, providerModel: model, inputPrice: micro(settings[RouterSettings.inputPrice]),
              outputPrice: micro(settings[RouterSettings.outputPrice]))
          ]))
    }
    var targets: [String: Target] = [:]
    var names: [String] = []
    for provider in providers {
      let url = try HTTPURL(provider.baseURL).appending(path: "/chat/completions")
      for model in provider.models where targets[model.name] == nil {
        // The first provider of a name is preferred; others of the same name are for later fallbacks.
        targets[model.name] = Target(provider: provider.name, completions: url, key: provider.key, model: model)
        names.append(model.name)
      }
    }
    guard let first = names.first else {
      throw CatalogError(
        description: "no model is configured: set provider.url (CADRE_PROVIDER_URL) or list providers in the file")
    }
    let wanted = settings[RouterSettings.defaultModel]
    standard = wanted.isEmpty ? first : wanted
    guard targets[standard] != nil else {
      throw CatalogError(description: "model.default names \"\(standard)\", which no provider has")
    }
    self.targets = targets
    self.names = names
  }

  /// The target of a name; an empty one and `default` lead to the standard model.
  func target(_ name: String) -> Target? { targets[name.isEmpty || name == "default" ? standard : name] }
}

/// The configuration has no usable model.
struct CatalogError: Error, CustomStringConvertible {
  let description: String
}
