/// What was changed in a request so that its provider takes it, and has to be changed back in the answer.
public struct RequestTranslation: Sendable, Hashable {
  /// The tools by their names at the provider.
  public var names: NameMap

  /// A translation; without names nothing has to be changed back.
  public init(names: NameMap = NameMap()) { self.names = names }

  /// Nothing was changed that an answer could show.
  public static let none = RequestTranslation()

  /// Whether an answer in the caller's own dialect can go on as it is.
  public var isIdentity: Bool { names.isEmpty }
}
