internal import ModelCatalog
internal import Routing

/// A model at a provider that is about to be called with one of the provider's keys.
final class AttemptTarget: Sendable {
  let model: ModelTarget
  let provider: Provider
  /// The circuit breaker that admitted the call.
  let key: HealthRegistry.Key

  init(_ model: ModelTarget, _ provider: Provider, _ key: HealthRegistry.Key) {
    self.model = model
    self.provider = provider
    self.key = key
  }
}
