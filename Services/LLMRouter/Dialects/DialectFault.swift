/// What a request asks for that cannot be said in the provider's dialect, or is not a request at all.
public struct DialectFault: Error, Sendable, Hashable {
  /// Details by which clients know what to do next, in an error of the Messages API.
  public struct Details: Sendable, Hashable {
    /// What `details.error_code` says.
    public var code: String
    /// What `details.unsupported` lists.
    public var unsupported: [String]

    /// Details.
    public init(code: String, unsupported: [String] = []) {
      self.code = code
      self.unsupported = unsupported
    }
  }

  /// One sentence that says what to change.
  public let message: String
  /// The member at fault, as a path like `messages[2].content`.
  public let parameter: String
  /// Details for clients of messages.
  public var details: Details?

  /// A fault.
  public init(_ message: String, at parameter: String, details: Details? = nil) {
    self.message = message
    self.parameter = parameter
    self.details = details
  }
}
