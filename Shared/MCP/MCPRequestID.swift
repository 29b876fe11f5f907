public import JSON

/// The id of a request. Ids are unique per direction: the same one may be in use both ways.
public enum MCPRequestID: Hashable, Sendable, CustomStringConvertible {
  /// A whole number.
  case number(Int64)
  /// A string.
  case string(String)

  /// Reads an id; `nil` for what is none, such as `null`, a fraction or a string that is too long.
  public init?(_ view: JSONView, bytesMax: Int = MCPLimits.standard.idBytesMax) {
    if let number = view.int {
      self = .number(number)
    } else if (view.stringBytesMax ?? .max) <= bytesMax, let text = view.string {
      self = .string(text)
    } else {
      return nil
    }
  }

  /// Writes the id.
  public func write(to writer: inout JSONWriter) {
    switch self {
    case .number(let number): writer.int(number)
    case .string(let text): writer.string(text)
    }
  }

  /// The id as text, for logs.
  public var description: String {
    switch self {
    case .number(let number): String(number)
    case .string(let text): MCPText.plain(text, bytesMax: 64)
    }
  }
}
