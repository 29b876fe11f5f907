/// A request for a provider.
public struct TranslatedRequest: Sendable, Hashable {
  /// The body.
  public var bytes: [UInt8]
  /// What the caller asked for and the provider does not get.
  public var dropped: [String]
  /// What has to be changed back in the answer.
  public var translation: RequestTranslation

  /// A request.
  public init(bytes: [UInt8], dropped: [String], translation: RequestTranslation = .none) {
    self.bytes = bytes
    self.dropped = dropped
    self.translation = translation
  }
}
