internal import JSON

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

    /// The details in a refusal of the provider; nil when it has none.
    public init?(refusal body: [UInt8]) {
      guard let details = (try? JSONDocument(parsing: body).root)?["error"]?["details"],
        let code = details["error_code"]?.string, code.utf8.count <= Details.bytesMax
      else { return nil }
      let names = (details["unsupported"]?.elements.map { $0 } ?? []).prefix(Details.namesMax).compactMap(\.string)
      self.init(code: code, unsupported: names.map { String($0.prefix(Details.bytesMax)) })
    }

    private static let namesMax = 16
    private static let bytesMax = 100
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
