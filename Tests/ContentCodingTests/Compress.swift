import CZlib
import CZstd

/// The other direction, for tests only.
enum Compress {
  static func deflate(_ bytes: [UInt8], window: Int32) -> [UInt8] {
    var stream = z_stream()
    guard cadre_deflate_init(&stream, window) == Z_OK else { return [] }
    defer { deflateEnd(&stream) }
    var input = bytes
    return [UInt8](unsafeUninitializedCapacity: Int(deflateBound(&stream, UInt(bytes.count))) + 64) { room, count in
      input.withUnsafeMutableBufferPointer { input in
        stream.next_in = input.baseAddress
        stream.avail_in = UInt32(input.count)
        stream.next_out = room.baseAddress
        stream.avail_out = UInt32(room.count)
        _ = CZlib.deflate(&stream, Z_FINISH)
        count = room.count - Int(stream.avail_out)
      }
    }
  }

  static func gzip(_ bytes: [UInt8]) -> [UInt8] { deflate(bytes, window: 15 + 16) }
  static func zlib(_ bytes: [UInt8]) -> [UInt8] { deflate(bytes, window: 15) }
  static func raw(_ bytes: [UInt8]) -> [UInt8] { deflate(bytes, window: -15) }

  static func zstd(_ bytes: [UInt8], level: Int32 = 3) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: ZSTD_compressBound(bytes.count)) { room, count in
      count = ZSTD_compress(room.baseAddress, room.count, bytes, bytes.count, level)
    }
  }
}
