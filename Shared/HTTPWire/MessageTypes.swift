/// The protocol versions spoken.
public enum HTTPVersion: UInt8, Sendable, Hashable {
  /// HTTP/1.0: connections close by default, no transfer codings.
  case http10 = 0
  /// HTTP/1.1
  case http11 = 1
}

/// How the end of a body is found (RFC 9112, section 6.3).
public enum BodyFraming: Sendable, Hashable {
  /// There is no body.
  case none
  /// Exactly so many bytes; may be 0.
  case length(UInt64)
  /// Chunked transfer coding; decode it with `ChunkedDecoder`.
  case chunked
  /// Everything until the peer closes; only in responses.
  case untilClose
}

/// What one message head may cost. The defaults hold every legitimate request seen in practice with room to spare and
/// bound the memory of a connection that has not proved anything yet.
public struct HTTPLimits: Sendable, Hashable {
  /// Longest request or status line without its CRLF, in bytes. Default 8 KiB, the size that RFC 9112, section 3,
  /// recommends.
  public let startLineBytesMax: Int
  /// Largest head with start line, fields and the empty line, in bytes. Default 32 KiB.
  public let headBytesMax: Int
  /// Most header fields. Default 100.
  public let headerCountMax: Int

  /// Limits; each is kept between 16 (fields: 0) and 16 MiB.
  public init(startLineBytesMax: Int = 8 << 10, headBytesMax: Int = 32 << 10, headerCountMax: Int = 100) {
    self.startLineBytesMax = max(16, min(startLineBytesMax, 16 << 20))
    self.headBytesMax = max(16, min(headBytesMax, 16 << 20))
    self.headerCountMax = max(0, min(headerCountMax, 1 << 16))
  }

  /// The defaults.
  public static let standard = HTTPLimits()
}
