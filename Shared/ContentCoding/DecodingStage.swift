/// Undoes one coding, piece by piece.
protocol DecodingStage: AnyObject {
  /// The coding that is undone.
  var coding: ContentCoding { get }
  /// Bytes that were fed and not used yet.
  var pendingCount: Int { get }
  /// Whether the bytes used so far end where the coding ends.
  var isAtEnd: Bool { get }

  /// Takes more input; only when nothing is pending.
  func feed(_ bytes: [UInt8])
  /// The next decoded bytes, at most `ContentDecoder.pieceBytesMax`; empty when more input is needed.
  func decode() throws(ContentCodingError) -> [UInt8]
}
