internal import Glibc

/// Reads the lines of a file that may be large, one by one.
package struct LineReader: ~Copyable {
  private static let chunkBytes = 1 << 16
  /// A longer line is cut.
  private static let lineBytesMax = 4 << 20

  private let descriptor: Int32
  private let closes: Bool
  private var rest: [UInt8] = []
  private var start = 0
  private var isAtEnd = false

  /// Opens a file; `-` is the standard input. `nil` when it cannot be opened.
  package init?(_ path: String) {
    closes = path != "-"
    descriptor = closes ? open(path, O_RDONLY | O_CLOEXEC) : 0
    guard descriptor >= 0 else { return nil }
  }

  deinit { if closes { close(descriptor) } }

  /// The whole of a file, `bytesMax` at most; `nil` when it cannot be opened.
  package static func all(_ path: String, bytesMax: Int = 64 << 20) -> [UInt8]? {
    guard var reader = LineReader(path) else { return nil }
    while !reader.isAtEnd, reader.rest.count < bytesMax { reader.fill() }
    return reader.rest
  }

  /// The next line, without its end; `nil` at the end of the file.
  package mutating func next() -> [UInt8]? {
    var looked = start
    while true {
      if let end = rest[looked...].firstIndex(of: 0x0A) {
        defer { start = end + 1 }
        return Array(rest[start..<end].prefix(LineReader.lineBytesMax))
      }
      looked = rest.count
      if isAtEnd {
        guard start < rest.count else { return nil }
        defer { start = rest.count }
        return Array(rest[start...].prefix(LineReader.lineBytesMax))
      }
      if start > 0 {
        rest.removeFirst(start)
        looked -= start
        start = 0
      }
      fill()
      // What is too long is dropped as it comes.
      if rest.count > LineReader.lineBytesMax + LineReader.chunkBytes {
        rest.removeLast(rest.count - LineReader.lineBytesMax)
        looked = min(looked, rest.count)
      }
    }
  }

  private mutating func fill() {
    var chunk = [UInt8](repeating: 0, count: LineReader.chunkBytes)
    let count = read(descriptor, &chunk, chunk.count)
    if count < 0, errno == EINTR { return }
    guard count > 0 else {
      isAtEnd = true
      return
    }
    rest += chunk[..<count]
  }
}
