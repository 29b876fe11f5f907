internal import CZstd

/// zstd by its own library.
final class ZstdStage: DecodingStage {
  /// 8 MiB, what RFC 9659 asks receivers to support; memory is touched only as far as the content goes.
  private static let windowLogMax: Int32 = 23

  let coding = ContentCoding.zstd
  private let context: OpaquePointer
  private var input: [UInt8] = []
  private var used = 0
  private var isBetweenFrames = false
  private var hasMore = false

  init() throws(ContentCodingError) {
    guard let context = ZSTD_createDCtx() else { throw .noMemory }
    self.context = context
    ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, ZstdStage.windowLogMax)
  }

  deinit { ZSTD_freeDCtx(context) }

  var pendingCount: Int { input.count - used }
  var isAtEnd: Bool { isBetweenFrames && pendingCount == 0 }

  func feed(_ bytes: [UInt8]) {
    input = pendingCount == 0 ? bytes : Array(input[used...]) + bytes
    used = 0
  }

  func decode() throws(ContentCodingError) -> [UInt8] {
    while pendingCount > 0 || hasMore {
      let piece = try step()
      if !piece.isEmpty { return piece }
    }
    return []
  }

  private func step() throws(ContentCodingError) -> [UInt8] {
    var result = 0
    var consumed = 0
    let (context, used) = (context, used)
    let output = [UInt8](unsafeUninitializedCapacity: ContentDecoder.pieceBytesMax) { room, count in
      input.withUnsafeBytes { bytes in
        var source = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: used)
        var target = ZSTD_outBuffer(dst: room.baseAddress, size: room.count, pos: 0)
        result = ZSTD_decompressStream(context, &target, &source)
        consumed = source.pos - used
        count = min(target.pos, room.count)
      }
    }
    guard ZSTD_isError(result) == 0 else { throw .malformed(coding) }
    self.used += consumed
    isBetweenFrames = result == 0
    hasMore = output.count == ContentDecoder.pieceBytesMax && !isBetweenFrames
    if consumed == 0 && output.isEmpty {
      hasMore = false
      if pendingCount > 0 { throw .malformed(coding) }
    }
    if pendingCount == 0 {
      input = []
      self.used = 0
    }
    return output
  }
}
