internal import JSON

/// Something that a server lets read: a resource, or a template of their addresses.
public struct MCPResource: Hashable, Sendable {
  /// The URI, or the template of URIs (RFC 6570).
  public let uri: String
  /// The name.
  public let name: String
  /// What it is.
  public let description: String?
  /// The media type.
  public let mediaType: String?
  /// The size in bytes, as the server says.
  public let bytes: Int64?

  init(_ object: MCPObject, address: String) throws(MCPError) {
    let limits = object.limits
    uri = MCPText.plain(try object.requiredString(address, bytesMax: limits.cursorBytesMax))
    name = MCPText.plain(try object.requiredString("name", bytesMax: limits.nameBytesMax))
    description = try object.text("description", bytesMax: limits.descriptionBytesMax)
    mediaType = try object.text("mimeType", bytesMax: 256)
    bytes = object.value("size")?.whole(in: 0...(1 << 53))
  }
}

/// A text that a server offers for a conversation.
public struct MCPPrompt: Hashable, Sendable {
  private static let argumentsMax = 64

  /// The name.
  public let name: String
  /// What it is for.
  public let description: String?
  /// The arguments; all are strings.
  public let arguments: [Argument]

  /// An argument of a prompt.
  public struct Argument: Hashable, Sendable {
    /// The name.
    public let name: String
    /// What it is.
    public let description: String?
    /// Whether it must be there.
    public let isRequired: Bool
  }

  init(_ object: MCPObject) throws(MCPError) {
    let limits = object.limits
    name = MCPText.plain(try object.requiredString("name", bytesMax: limits.nameBytesMax))
    description = try object.text("description", bytesMax: limits.descriptionBytesMax)
    guard object.value("arguments") != nil else {
      arguments = []
      return
    }
    arguments = try object.objects("arguments", countMax: Self.argumentsMax) { (argument) throws(MCPError) in
      Argument(
        name: MCPText.plain(try argument.requiredString("name", bytesMax: limits.nameBytesMax)),
        description: try argument.text("description", bytesMax: limits.descriptionBytesMax),
        isRequired: try argument.bool("required") ?? false)
    }
  }
}
