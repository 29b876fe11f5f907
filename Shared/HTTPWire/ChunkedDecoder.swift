/// What a step of `ChunkedDecoder` found.
public enum ChunkEvent: Sendable, Hashable {
  /// Body bytes, as a range of the bytes that were fed.
  case data(Range<Int>)
  /// Everything fed is used up, the body goes on.
  case needMore
  /// The body with its trailers is complete; what follows belongs to the next message.
  case end
}

/// A strict, resumable decoder of the chunked transfer coding (RFC 9112, section 7.1). It never copies body bytes.
///
/// Sizes have at most 15 hexadecimal digits and no blanks around them, lines end in CRLF, extensions are ignored, and
/// trailers are validated and dropped. The overhead of a body (extensions, trailers) is limited.
public struct ChunkedDecoder: Sendable {
  /// Most digits of a size: the largest that always fits an `Int`.
  public static let sizeDigitsMax = 15
  /// Most bytes of extensions of one chunk.
  public static let extensionBytesMax = 256
  /// Most bytes of extensions of one body.
  public static let extensionBytesTotalMax = 8 << 10
  /// Most bytes of the trailer section.
  public static let trailerBytesMax = 8 << 10

  private enum State: UInt8 {
    case sizeFirst, size, chunkExtension, sizeLF, data, dataCR, dataLF
    case trailerFirst, trailerName, trailerValue, trailerLF, endLF, done
  }

  private var state = State.sizeFirst
  private var digits = 0
  private var remaining = 0
  private var extensionBytes = 0
  private var extensionBytesTotal = 0
  private var trailerBytes = 0

  /// A decoder at the start of a body.
  public init() {}

  /// Whether `end` was reported.
  public var isDone: Bool { state == .done }

  /// Decodes up to the next event. Drop `consumed` bytes and call again until `needMore` or `end`.
  public mutating func next(
    _ bytes: UnsafeRawBufferPointer
  ) throws(HTTPWireError) -> (event: ChunkEvent, consumed: Int) {
    if state == .done { throw HTTPWireError(.bodyAfterEnd) }
    var i = 0
    while i < bytes.count {
      if state == .data {
        let count = min(remaining, bytes.count - i)
        remaining -= count
        if remaining == 0 { state = .dataCR }
        return (.data(i..<i + count), i + count)
      }
      try step(bytes[i])
      i += 1
      if state == .done { return (.end, i) }
    }
    return (.needMore, i)
  }

  @inline(__always)
  private mutating func step(_ byte: UInt8) throws(HTTPWireError) {
    switch state {
    case .sizeFirst:
      guard let digit = hexValue(byte) else { throw HTTPWireError(.invalidChunkSize) }
      remaining = Int(digit)
      digits = 1
      extensionBytes = 0
      state = .size
    case .size:
      if let digit = hexValue(byte) {
        digits += 1
        if digits > Self.sizeDigitsMax { throw HTTPWireError(.invalidChunkSize) }
        remaining = remaining << 4 | Int(digit)
      } else if byte == ASCII.cr {
        state = .sizeLF
      } else if byte == 0x3B {
        state = .chunkExtension
        try countExtensionByte()
      } else {
        throw HTTPWireError(byte == ASCII.lf ? .bareLineFeed : .invalidChunkSize)
      }
    case .chunkExtension:
      if byte == ASCII.cr {
        state = .sizeLF
      } else if isControl(byte), byte != ASCII.tab {
        throw HTTPWireError(byte == ASCII.lf ? .bareLineFeed : .invalidChunkExtension)
      } else {
        try countExtensionByte()
      }
    case .sizeLF:
      guard byte == ASCII.lf else { throw HTTPWireError(.invalidChunkSize) }
      state = remaining == 0 ? .trailerFirst : .data
    case .data: break
    case .dataCR:
      guard byte == ASCII.cr else { throw HTTPWireError(.invalidChunkEnd) }
      state = .dataLF
    case .dataLF:
      guard byte == ASCII.lf else { throw HTTPWireError(.invalidChunkEnd) }
      state = .sizeFirst
    case .endLF:
      guard byte == ASCII.lf else { throw HTTPWireError(.invalidTrailer) }
      state = .done
    case .trailerFirst, .trailerName, .trailerValue, .trailerLF: try stepTrailer(byte)
    case .done: throw HTTPWireError(.bodyAfterEnd)
    }
  }

  private mutating func stepTrailer(_ byte: UInt8) throws(HTTPWireError) {
    if state == .trailerFirst, byte == ASCII.cr {
      state = .endLF
      return
    }
    trailerBytes += 1
    if trailerBytes > Self.trailerBytesMax { throw HTTPWireError(.trailersTooLarge) }
    switch state {
    case .trailerFirst:
      guard ByteSet.token.contains(byte) else {
        throw HTTPWireError(byte == ASCII.lf ? .bareLineFeed : .invalidTrailer)
      }
      state = .trailerName
    case .trailerName:
      if byte == ASCII.colon {
        state = .trailerValue
      } else if !ByteSet.token.contains(byte) {
        throw HTTPWireError(.invalidTrailer)
      }
    case .trailerValue:
      if byte == ASCII.cr {
        state = .trailerLF
      } else if isControl(byte), byte != ASCII.tab {
        throw HTTPWireError(byte == ASCII.lf ? .bareLineFeed : .invalidTrailer)
      }
    default:
      guard byte == ASCII.lf else { throw HTTPWireError(.invalidTrailer) }
      state = .trailerFirst
    }
  }

  private mutating func countExtensionByte() throws(HTTPWireError) {
    extensionBytes += 1
    extensionBytesTotal += 1
    if extensionBytes > Self.extensionBytesMax || extensionBytesTotal > Self.extensionBytesTotalMax {
      throw HTTPWireError(.chunkExtensionTooLong)
    }
  }
}

/// Writes the chunked transfer coding.
public enum ChunkedEncoder {
  /// Appends one chunk with its head and tail. Appends nothing for no bytes, because an empty chunk ends the body.
  public static func append(_ data: UnsafeRawBufferPointer, to output: inout [UInt8]) {
    if data.isEmpty { return }
    appendHead(data.count, to: &output)
    output.append(contentsOf: data)
    appendTail(to: &output)
  }

  /// Appends what stands before `count` bytes of data; `count` is above zero, else nothing is appended.
  public static func appendHead(_ count: Int, to output: inout [UInt8]) {
    guard count > 0 else { return }
    var shift = (Int.bitWidth - 1 - count.leadingZeroBitCount) & ~3
    while shift >= 0 {
      let digit = UInt8(truncatingIfNeeded: (count >> shift) & 15)
      output.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
      shift -= 4
    }
    output.append("\r\n")
  }

  /// Appends what stands behind the data of a chunk.
  public static func appendTail(to output: inout [UInt8]) { output.append("\r\n") }

  /// Appends the end of the body, without trailers.
  public static func appendEnd(to output: inout [UInt8]) { output.append("0\r\n\r\n") }
}
