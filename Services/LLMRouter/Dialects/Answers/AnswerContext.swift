/// What the answer of a call is written with.
public struct AnswerContext: Sendable {
  /// The model's name as the caller knows it.
  public var model: String
  /// Seconds since 1970.
  public var created: Int64
  /// Hexadecimal digits that no other answer has, for ids of what comes without one.
  public var unique: String
  /// Stands for the prompt's tokens until the provider has counted them.
  public var promptEstimate: Int64
  /// Whether the caller asked for the usage of a stream.
  public var wantsUsage: Bool
  /// The tools by their names at the provider.
  public var names: NameMap
  /// What a response repeats of its request.
  public var echo: ResponseEcho

  /// A context.
  public init(
    model: String, created: Int64, unique: String, promptEstimate: Int64 = 0, wantsUsage: Bool = false,
    names: NameMap = NameMap(), echo: ResponseEcho = .none
  ) {
    self.model = model
    self.created = created
    self.unique = unique
    self.promptEstimate = promptEstimate
    self.wantsUsage = wantsUsage
    self.names = names
    self.echo = echo
  }

  /// An id with a prefix out of the provider's: short ones and none repeat, so they get digits that no other has.
  func id(_ prefix: String, from given: String) -> String {
    var plain = Substring(given)
    for known in ["chatcmpl-", "msg_", "resp_", "cmpl-"] where plain.hasPrefix(known) {
      plain = plain.dropFirst(known.count)
    }
    if plain.isEmpty { return prefix + unique }
    return plain.utf8.count < AnswerContext.idBytesMin ? "\(prefix)\(plain)_\(unique)" : prefix + plain
  }

  /// Ids of providers that are shorter are not unique.
  private static let idBytesMin = 12

  /// The tool that a call means.
  func tool(_ name: String) -> ToolIdentity { names.original(name) ?? ToolIdentity(name: name) }
}
