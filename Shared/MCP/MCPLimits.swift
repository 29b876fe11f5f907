/// What messages and lists of the other side may cost. Whatever is beyond a limit is a `protocol` error.
public struct MCPLimits: Hashable, Sendable {
  /// Largest message, which on stdio is a line, in bytes. Images travel inside messages in base64.
  public var messageBytesMax = 8 << 20
  /// Most containers inside each other.
  public var depthMax = 64
  /// Most values and keys of a message.
  public var nodesMax = 200_000
  /// Most messages of a batch, which only revision 2025-03-26 has.
  public var batchMax = 64
  /// Longest method name, in bytes.
  public var methodBytesMax = 128
  /// Longest id and progress token that is a string, in bytes.
  public var idBytesMax = 256
  /// Longest message of an error, in bytes; what is longer is cut.
  public var errorMessageBytesMax = 4 << 10
  /// Longest name of a tool, prompt or resource, in bytes.
  public var nameBytesMax = 256
  /// Longest description or instruction, in bytes.
  public var descriptionBytesMax = 64 << 10
  /// Longest URI and cursor, in bytes.
  public var cursorBytesMax = 8 << 10
  /// Longest opaque state of a multi-round request, in bytes.
  public var requestStateBytesMax = 64 << 10
  /// Largest JSON Schema of a tool, in bytes.
  public var schemaBytesMax = 128 << 10
  /// Most entries of one page of a list.
  public var pageItemsMax = 1000
  /// Most parts of the content of one result.
  public var contentPartsMax = 256
  /// Most requests for input of one result.
  public var inputRequestsMax = 16

  /// The defaults.
  public init() {}

  /// The defaults.
  public static let standard = MCPLimits()
}
