/// A content coding of HTTP (RFC 9110, section 8.4) that can be undone.
public enum ContentCoding: Sendable, Hashable {
  /// `gzip` or `x-gzip`: RFC 1952, one member or several.
  case gzip
  /// `deflate`: RFC 1950, and the bare RFC 1951 that some clients send in its place.
  case deflate
  /// `zstd`: RFC 8878, one frame or several, with windows up to 8 MiB (RFC 9659).
  case zstd

  /// The value of `Accept-Encoding` that names them all.
  public static let accepted = "gzip, deflate, zstd"
  /// Codings that may lie on top of each other.
  public static let layersMax = 3

  /// Reads the value of `Content-Encoding`: the codings in the order in which they were applied, without `identity`.
  /// Throws the first name that is not known.
  public static func list(_ value: String) throws(ContentCodingError) -> [ContentCoding] {
    var codings: [ContentCoding] = []
    for part in value.split(separator: ",", omittingEmptySubsequences: true) {
      let name = part.filter { $0 != " " && $0 != "\t" }
      switch name.lowercased() {
      case "", "identity": continue
      case "gzip", "x-gzip": codings.append(.gzip)
      case "deflate": codings.append(.deflate)
      case "zstd": codings.append(.zstd)
      default: throw .unknown(ContentCoding.shown(name))
      }
    }
    guard codings.count <= layersMax else { throw .tooManyLayers }
    return codings
  }

  /// A name from outside, made fit to stand in a sentence.
  private static func shown(_ name: some StringProtocol) -> String {
    String(
      name.unicodeScalars.filter { $0.value > 32 && $0.value < 127 && $0 != "\"" && $0 != "\\" }.prefix(40).map(
        Character.init))
  }
}

/// Why content cannot be decoded.
public enum ContentCodingError: Error, Hashable, Sendable {
  /// No coding of ours has this name.
  case unknown(String)
  /// More codings lie on top of each other than `ContentCoding.layersMax`.
  case tooManyLayers
  /// The bytes are not what the coding says.
  case malformed(ContentCoding)
  /// The bytes end before the coding does.
  case cutShort(ContentCoding)
  /// Decoded, it is larger than what is accepted.
  case tooLarge
  /// The system gave no memory.
  case noMemory
}
