internal import CZlib

/// gzip, zlib and raw deflate by zlib.
final class InflateStage: DecodingStage {
  private static let zlibWindow: Int32 = 15
  private static let gzipWindow: Int32 = 15 + 16
  private static let rawWindow: Int32 = -15

  let coding: ContentCoding
  /// zlib remembers the address of its stream.
  private let stream: UnsafeMutablePointer<z_stream>
  private var isOpen = false
  private var input: [UInt8] = []
  private var used = 0
  private var hasBegun = false
  private var isBetweenMembers = false
  /// The kernel of zlib had no room for all of its output.
  private var hasMore = false

  init(_ coding: ContentCoding) {
    self.coding = coding
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
  }

  deinit {
    if isOpen { inflateEnd(stream) }
    stream.deallocate()
  }

  var pendingCount: Int { input.count - used }
  var isAtEnd: Bool { isBetweenMembers && pendingCount == 0 }

  func feed(_ bytes: [UInt8]) {
    input = pendingCount == 0 ? bytes : Array(input[used...]) + bytes
    used = 0
  }

  func decode() throws(ContentCodingError) -> [UInt8] {
    while true {
      if pendingCount == 0 && !hasMore { return [] }
      if isBetweenMembers { try beginNextMember() }
      if !isOpen, try !open() { return [] }
      let piece = try step()
      if !piece.isEmpty { return piece }
    }
  }

  /// What follows the end: another member of gzip; nothing of the others.
  private func beginNextMember() throws(ContentCodingError) {
    guard coding == .gzip, inflateReset(stream) == Z_OK else { throw .malformed(coding) }
    isBetweenMembers = false
  }

  /// Returns whether enough has arrived to know the format.
  private func open() throws(ContentCodingError) -> Bool {
    var window = InflateStage.gzipWindow
    if coding == .deflate {
      guard pendingCount >= 2 else { return false }
      // CM 8 and a multiple of 31: the header of RFC 1950.
      let (first, second) = (Int(input[used]), Int(input[used + 1]))
      let isZlib = first & 15 == 8 && (first << 8 | second) % 31 == 0
      window = isZlib ? InflateStage.zlibWindow : InflateStage.rawWindow
    }
    guard cadre_inflate_init(stream, window) == Z_OK else { throw .noMemory }
    isOpen = true
    return true
  }

  private func step() throws(ContentCodingError) -> [UInt8] {
    var code: Int32 = Z_OK
    var consumed = 0
    let (stream, used) = (stream, used)
    let output = [UInt8](unsafeUninitializedCapacity: ContentDecoder.pieceBytesMax) { room, count in
      input.withUnsafeMutableBufferPointer { bytes in
        let available = bytes.count - used
        stream.pointee.next_in = bytes.baseAddress.map { $0 + used }
        stream.pointee.avail_in = UInt32(clamping: available)
        stream.pointee.next_out = room.baseAddress
        stream.pointee.avail_out = UInt32(clamping: room.count)
        let offered = Int(stream.pointee.avail_in)
        code = inflate(stream, Z_NO_FLUSH)
        consumed = offered - Int(stream.pointee.avail_in)
        count = room.count - Int(stream.pointee.avail_out)
      }
    }
    self.used += consumed
    hasMore = stream.pointee.avail_out == 0 && code == Z_OK
    if pendingCount == 0 {
      input = []
      self.used = 0
    }
    switch code {
    case Z_OK: return output
    case Z_STREAM_END:
      isBetweenMembers = true
      hasMore = false
      return output
    case Z_BUF_ERROR:
      // No progress was possible: more input is needed.
      hasMore = false
      if pendingCount > 0 && output.isEmpty && consumed == 0 { throw .malformed(coding) }
      return output
    case Z_MEM_ERROR: throw .noMemory
    default: throw .malformed(coding)
    }
  }
}
