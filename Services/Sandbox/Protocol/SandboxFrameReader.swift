/// Takes frames out of a stream of bytes, whatever pieces it comes in. Keeps at most one frame and one piece.
package struct SandboxFrameReader: Sendable {
  private var buffer: [UInt8] = []
  private var start = 0
  private var fault: SandboxFrameError?
  private let bytesMax: Int

  /// Makes a reader. `bytesMax`: largest frame that is accepted here.
  package init(bytesMax: Int = SandboxFrame.bytesMax) { self.bytesMax = min(bytesMax, SandboxFrame.bytesMax) }

  /// Adds bytes of the stream.
  package mutating func append(_ bytes: some Sequence<UInt8>) {
    if fault == nil { buffer.append(contentsOf: bytes) }
  }

  /// How many bytes are missing before the next frame is complete, as far as that is known; at least 1.
  package var missingCount: Int {
    let available = buffer.count - start
    guard available >= 4 else { return 4 - available }
    let missing = SandboxFrameReader.number(buffer, at: start) + 4 - available
    return max(1, min(missing, bytesMax))
  }

  /// The next frame, or `nil` when more bytes are needed. After an error every call throws it.
  package mutating func next() throws(SandboxFrameError) -> SandboxFrame? {
    if let fault { throw fault }
    do throws(SandboxFrameError) { return try read() } catch {
      fault = error
      buffer = []
      start = 0
      throw error
    }
  }

  private mutating func read() throws(SandboxFrameError) -> SandboxFrame? {
    let available = buffer.count - start
    guard available >= 4 else { return nil }
    let count = SandboxFrameReader.number(buffer, at: start)
    guard count <= bytesMax else { throw .tooLarge }
    guard count >= 6 else { throw .malformed }
    // Faults of the first bytes are found before the rest has come.
    if available >= 10 {
      guard SandboxFrame.Kind(rawValue: buffer[start + 4]) != nil else { throw .malformed }
      guard Int(buffer[start + 5]) <= SandboxFrame.partsMax,
        SandboxFrameReader.number(buffer, at: start + 6) <= SandboxFrame.headerBytesMax
      else { throw .tooLarge }
    }
    guard available >= count + 4 else { return nil }
    let frame = try SandboxFrameReader.frame(buffer[(start + 4)..<(start + 4 + count)])
    start += count + 4
    if start == buffer.count {
      buffer = []
      start = 0
    }
    return frame
  }

  /// Reads what follows the length.
  private static func frame(_ bytes: ArraySlice<UInt8>) throws(SandboxFrameError) -> SandboxFrame {
    let from = bytes.startIndex
    guard bytes.count >= 6, let kind = SandboxFrame.Kind(rawValue: bytes[from]) else { throw .malformed }
    let partCount = Int(bytes[from + 1])
    guard partCount <= SandboxFrame.partsMax else { throw .tooLarge }
    var position = from + 6 + 4 * partCount
    guard position <= bytes.endIndex else { throw .malformed }
    var lengths = [number(bytes, at: from + 2)]
    guard lengths[0] <= SandboxFrame.headerBytesMax else { throw .tooLarge }
    for part in 0..<partCount { lengths.append(number(bytes, at: from + 6 + 4 * part)) }
    var pieces: [[UInt8]] = []
    for length in lengths {
      guard length <= bytes.endIndex - position else { throw .malformed }
      pieces.append(Array(bytes[position..<(position + length)]))
      position += length
    }
    guard position == bytes.endIndex else { throw .malformed }
    return SandboxFrame(kind, header: pieces[0], parts: Array(pieces.dropFirst()))
  }

  /// A big-endian number of 4 bytes; the caller has checked that they are there.
  private static func number(_ bytes: [UInt8], at place: Int) -> Int { number(bytes[...], at: place) }

  private static func number(_ bytes: ArraySlice<UInt8>, at place: Int) -> Int {
    bytes[place..<(place + 4)].reduce(0) { $0 << 8 | Int($1) }
  }
}
