internal import Budgets
internal import Checks
internal import JSON
package import Pricing
package import Routing

/// What the configuration says about the catalog, and how the rows of the tables are combined with it.
package struct CatalogConfiguration: Sendable {
  /// Providers of the configuration with their models; those of the tables take their place when they have their names.
  package let declared: [DeclaredProvider]
  /// What stands for no model and for `default`; empty: the first model.
  package let defaultModel: String
  /// The folder of the key files that providers refer to.
  package let keyFolder: String
  /// Published prices.
  package let prices: PriceTable

  /// A configuration.
  package init(declared: [DeclaredProvider], defaultModel: String, keyFolder: String, prices: PriceTable) {
    self.declared = declared
    self.defaultModel = defaultModel
    self.keyFolder = keyFolder
    self.prices = prices
  }

  /// Providers that no row replaces.
  package func declared(besides rows: [ProviderRow]) -> [DeclaredProvider] {
    let names = Set(rows.map(\.record.name))
    return declared.filter { !names.contains($0.provider.name) }
  }

  /// The snapshot of rows. `warn` is called for what cannot be used.
  func snapshot(of rows: CatalogRows, warn: (CatalogWarning) -> Void) -> CatalogSnapshot {
    let declared = declared(besides: rows.providers)
    var providers: [String: Provider] = [:]
    for record in rows.providers.map(\.record) + declared.map(\.provider) where record.isEnabled {
      do { providers[record.name] = try Provider(record, keyFolder: keyFolder) } catch {
        warn(.unusableBaseURL(provider: record.name))
      }
    }
    var targets = declared.flatMap(\.models)
    targets += rows.models.filter(\.isEnabled).map(\.target).filter { providers[$0.provider] != nil }
    targets = targets.map { completed($0, providers[$0.provider]?.kind) }
    return CatalogSnapshot(
      providers: providers,
      table: RouteTable(
        targets: targets, aliases: Dictionary(rows.aliases.map { ($0.name, $0.rule) }) { $1 },
        standard: defaultModel),
      checks: checks(rows.aliases, warn),
      budgets: Dictionary(grouping: rows.budgets) { $0.tenant },
      rateLimits: Dictionary(grouping: rows.rateLimits) { $0.tenant },
      unpriced: targets.count { $0.price == nil })
  }

  /// A model with what the price table knows and nobody has declared.
  package func completed(_ target: ModelTarget, _ kind: ProviderKind?) -> ModelTarget {
    guard let kind, let entry = prices.find(kind: kind.rawValue, model: target.providerModel) else { return target }
    var target = target
    target.price = target.price ?? entry.price
    target.contextTokens = target.contextTokens ?? entry.contextTokens
    target.outputTokensMax = target.outputTokensMax ?? entry.outputTokensMax
    target.capabilities = target.capabilities ?? Set(entry.capabilities.compactMap { Capability(rawValue: $0) })
    return target
  }

  private func checks(_ rows: [AliasRow], _ warn: (CatalogWarning) -> Void) -> [String: AnswerCheck] {
    var checks: [String: AnswerCheck] = [:]
    for row in rows {
      guard let text = row.check, let root = try? JSONDocument(parsing: text).root else { continue }
      do { checks[row.name] = try AnswerCheck(root) } catch { warn(.unreadableCheck(alias: row.name)) }
    }
    return checks
  }
}

/// Something in the catalog that cannot be used.
enum CatalogWarning: Equatable {
  case unusableBaseURL(provider: String)
  case unreadableCheck(alias: String)
}

/// A provider of the configuration with its models.
package struct DeclaredProvider: Sendable {
  package let provider: ProviderRecord
  package let models: [ModelTarget]

  /// A provider.
  package init(provider: ProviderRecord, models: [ModelTarget]) {
    self.provider = provider
    self.models = models
  }
}
