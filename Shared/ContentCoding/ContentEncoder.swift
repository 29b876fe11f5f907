internal import CZlib
internal import CZstd

/// Applies a content coding to a whole body.
public enum ContentEncoder {
  /// Largest content, in bytes: it is coded in one piece on the thread of the caller.
  public static let contentBytesMax = 256 << 10

  private static let gzipWindow: Int32 = 15 + 16
  private static let zstdLevel: Int32 = 1

  /// The content in a coding; `nil` when it is too large, does not become smaller, or there is no memory.
  public static func encode(_ content: [UInt8], _ coding: ContentCoding) -> [UInt8]? {
    guard content.count > 0, content.count <= contentBytesMax else { return nil }
    let coded: [UInt8]? =
      switch coding {
      case .gzip: gzip(content)
      case .zstd: zstd(content)
      case .deflate: nil
      }
    guard let coded, coded.count < content.count else { return nil }
    return coded
  }

  private static func gzip(_ content: [UInt8]) -> [UInt8]? {
    var stream = z_stream()
    guard cadre_deflate_init(&stream, gzipWindow) == Z_OK else { return nil }
    defer { deflateEnd(&stream) }
    // Level 1 costs a third of the usual one, and JSON gains nearly as much.
    guard deflateParams(&stream, Z_BEST_SPEED, Z_DEFAULT_STRATEGY) == Z_OK else { return nil }
    var content = content
    var isComplete = false
    let room = content.count
    let coded = [UInt8](unsafeUninitializedCapacity: room) { output, count in
      content.withUnsafeMutableBufferPointer { input in
        stream.next_in = input.baseAddress
        stream.avail_in = UInt32(clamping: input.count)
        stream.next_out = output.baseAddress
        stream.avail_out = UInt32(clamping: room)
        isComplete = deflate(&stream, Z_FINISH) == Z_STREAM_END
        count = room - Int(stream.avail_out)
      }
    }
    return isComplete ? coded : nil
  }

  private static func zstd(_ content: [UInt8]) -> [UInt8]? {
    var size = 0
    let coded = [UInt8](unsafeUninitializedCapacity: content.count) { output, count in
      size = content.withUnsafeBytes {
        ZSTD_compress(output.baseAddress, output.count, $0.baseAddress, $0.count, zstdLevel)
      }
      count = ZSTD_isError(size) == 0 ? min(size, output.count) : 0
    }
    return ZSTD_isError(size) == 0 ? coded : nil
  }
}
