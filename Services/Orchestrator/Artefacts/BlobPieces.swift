/// Cuts bytes that come in any portions into pieces of one length.
struct BlobPieces {
  private let bytes: Int
  private var buffer: [UInt8] = []

  /// Makes pieces of `bytes` bytes each.
  init(of bytes: Int) { self.bytes = bytes }

  /// Takes bytes and returns the whole pieces that are there now.
  mutating func add(_ more: [UInt8]) -> [[UInt8]] {
    var whole: [[UInt8]] = []
    var rest = more[...]
    while buffer.count + rest.count >= bytes {
      let head = rest.prefix(bytes - buffer.count)
      rest = rest.dropFirst(head.count)
      whole.append(buffer + head)
      buffer = []
    }
    buffer += rest
    return whole
  }

  /// The bytes behind the last whole piece.
  consuming func rest() -> [UInt8] { buffer }
}
