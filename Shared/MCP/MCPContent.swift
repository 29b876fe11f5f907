public import JSON
internal import Primitives

/// One part of the content of a result.
public enum MCPContent: Hashable, Sendable {
  /// Text.
  case text(String)
  /// An image or a sound.
  case media(bytes: [UInt8], mediaType: String)
  /// The address of something that may be read.
  case link(uri: String, name: String, mediaType: String?)
  /// A resource as text.
  case textResource(uri: String, text: String, mediaType: String?)
  /// A resource as bytes.
  case blobResource(uri: String, bytes: [UInt8], mediaType: String?)

  init(_ object: MCPObject) throws(MCPError) {
    let limits = object.limits
    switch try object.requiredString("type", bytesMax: 64) {
    case "text": self = .text(try object.requiredString("text", bytesMax: limits.messageBytesMax))
    case "image", "audio":
      self = .media(
        bytes: try MCPContent.bytes("data", of: object),
        mediaType: MCPText.plain(try object.requiredString("mimeType", bytesMax: 256)))
    case "resource_link":
      let resource = try MCPResource(object, address: "uri")
      self = .link(uri: resource.uri, name: resource.name, mediaType: resource.mediaType)
    case "resource": self = try MCPContent(resource: try object.requiredObject("resource"))
    default: throw object.fault("type", "is no kind of content")
    }
  }

  init(resource object: MCPObject) throws(MCPError) {
    let limits = object.limits
    let uri = MCPText.plain(try object.requiredString("uri", bytesMax: limits.cursorBytesMax))
    let mediaType = try object.text("mimeType", bytesMax: 256)
    if let text = try object.string("text", bytesMax: limits.messageBytesMax) {
      self = .textResource(uri: uri, text: text, mediaType: mediaType)
    } else {
      self = .blobResource(uri: uri, bytes: try MCPContent.bytes("blob", of: object), mediaType: mediaType)
    }
  }

  private static func bytes(_ name: String, of object: MCPObject) throws(MCPError) -> [UInt8] {
    let text = try object.requiredString(name, bytesMax: object.limits.messageBytesMax)
    guard let bytes = Base64.decode(unpadded: Base64.withoutPadding(Array(text.utf8))) else {
      throw object.fault(name, "is not base64")
    }
    return bytes
  }

  /// Writes the part as an object.
  public func write(to writer: inout JSONWriter) {
    writer.beginObject()
    switch self {
    case .text(let text):
      writer.member("type", "text")
      writer.member("text", text)
    case .media(let bytes, let mediaType):
      writer.member("type", mediaType.hasPrefix("audio/") ? "audio" : "image")
      writer.member("data", Base64.encode(bytes))
      writer.member("mimeType", mediaType)
    case .link(let uri, let name, let mediaType):
      writer.member("type", "resource_link")
      writer.member("uri", uri)
      writer.member("name", name)
      writer.member("mimeType", ifPresent: mediaType)
    case .textResource(let uri, let text, let mediaType):
      resource(uri, mediaType, &writer) { $0.member("text", text) }
    case .blobResource(let uri, let bytes, let mediaType):
      resource(uri, mediaType, &writer) { $0.member("blob", Base64.encode(bytes)) }
    }
    writer.endObject()
  }

  private func resource(
    _ uri: String, _ mediaType: String?, _ writer: inout JSONWriter, _ content: (inout JSONWriter) -> Void
  ) {
    writer.member("type", "resource")
    writer.key("resource")
    writer.beginObject()
    writer.member("uri", uri)
    writer.member("mimeType", ifPresent: mediaType)
    content(&writer)
    writer.endObject()
  }
}
