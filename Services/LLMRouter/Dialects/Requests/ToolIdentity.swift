/// A tool as its caller knows it.
public struct ToolIdentity: Sendable, Hashable {
  /// How the caller wants to be called back.
  public enum Form: Sendable, Hashable {
    /// Arguments as a JSON object.
    case function
    /// One free text; the provider is given a function whose only argument is `NameMap.customArgument`.
    case custom
  }

  /// The name, without its namespace.
  public var name: String
  /// The group that the tool was declared in (Responses API).
  public var namespace: String?
  /// Function or custom tool.
  public var form: Form

  /// A tool.
  public init(name: String, namespace: String? = nil, form: Form = .function) {
    self.name = name
    self.namespace = namespace
    self.form = form
  }
}
