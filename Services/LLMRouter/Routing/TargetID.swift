/// A model at a provider, by names.
public struct TargetID: Sendable, Hashable {
  /// The provider.
  public let provider: String
  /// The provider's name for the model.
  public let model: String

  /// An id.
  public init(provider: String, model: String) {
    self.provider = provider
    self.model = model
  }
}
