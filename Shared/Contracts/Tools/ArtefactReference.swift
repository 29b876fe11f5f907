public import JSON

/// A stored file of a run, named by its digest.
public struct ArtefactReference: Hashable, Sendable {
  /// A relative path of plain segments.
  public let name: String
  /// SHA-256 of the content, 64 hexadecimal digits.
  public let sha256: String
  /// Length of the content.
  public let bytes: Int64
  /// For example `text/plain`.
  public let mediaType: String

  /// Makes a reference.
  public init(name: String, sha256: String, bytes: Int64, mediaType: String) {
    self.name = name
    self.sha256 = sha256
    self.bytes = bytes
    self.mediaType = mediaType
  }

  /// Reads `name`, `sha256`, `bytes` and `media_type`; other members are ignored.
  public init?(_ view: JSONView) {
    guard let name = view["name"]?.string, let sha256 = view["sha256"]?.string, let bytes = view["bytes"]?.int,
      bytes >= 0
    else { return nil }
    self.init(
      name: name, sha256: sha256, bytes: bytes, mediaType: view["media_type"]?.string ?? "application/octet-stream")
  }

  /// Writes the reference as an object.
  public func write(to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("name", name)
    writer.member("sha256", sha256)
    writer.member("bytes", bytes)
    writer.member("media_type", mediaType)
    writer.endObject()
  }
}
