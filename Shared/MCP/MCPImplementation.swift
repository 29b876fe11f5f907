public import JSON

/// The name and version of a client or server. Says something to people; nothing is decided by it.
public struct MCPImplementation: Hashable, Sendable {
  /// The name.
  public let name: String
  /// The version.
  public let version: String

  /// Makes one.
  public init(name: String, version: String) {
    self.name = name
    self.version = version
  }

  init(_ object: MCPObject) throws(MCPError) {
    name = MCPText.plain(try object.requiredString("name", bytesMax: object.limits.nameBytesMax))
    version = MCPText.plain(try object.requiredString("version", bytesMax: object.limits.nameBytesMax))
  }

  /// Writes it as an object.
  public func write(to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("name", name)
    writer.member("version", version)
    writer.endObject()
  }
}
