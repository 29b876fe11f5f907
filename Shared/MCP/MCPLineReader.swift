/// Cuts a byte stream into lines: the framing of stdio. Empty lines are left out. Keeps at most one line of
/// `bytesMax` bytes.
public struct MCPLineReader: Sendable {
  private let bytesMax: Int
  private var pending: [UInt8] = []
  private var blanks = (lines: 0, bytes: 0)

  /// At the start of a stream.
  public init(bytesMax: Int = MCPLimits.standard.messageBytesMax) { self.bytesMax = max(1, bytesMax) }

  /// Bytes of the line that has not ended yet.
  public var pendingBytes: Int { pending.count }

  /// How many lines were left out since this was asked last, and their bytes.
  public mutating func takeBlanks() -> (lines: Int, bytes: Int) {
    defer { blanks = (0, 0) }
    return blanks
  }

  /// Reads on and returns the lines that are complete. Throws when a line is longer than the limit; the stream is
  /// useless then.
  public mutating func feed(_ bytes: some Collection<UInt8>) throws(MCPError) -> [[UInt8]] {
    var lines: [[UInt8]] = []
    var rest = bytes[...]
    while let end = rest.firstIndex(of: 0x0A) {
      try take(rest[..<end])
      rest = rest[rest.index(after: end)...]
      if pending.last == 0x0D { pending.removeLast() }
      if pending.contains(where: { $0 != 0x20 && $0 != 0x09 }) {
        lines.append(pending)
      } else {
        blanks.lines += 1
        blanks.bytes += pending.count + 1
      }
      pending = []
    }
    try take(rest)
    return lines
  }

  private mutating func take(_ piece: some Collection<UInt8>) throws(MCPError) {
    guard pending.count + piece.count <= bytesMax else {
      pending = []
      throw MCPError(.messageTooLarge, "a line is longer than \(bytesMax) bytes")
    }
    pending.append(contentsOf: piece)
  }
}
