/// Base64 for URLs without padding (RFC 4648, section 5).
enum Base64URL {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

  /// Appends the text of `bytes`.
  static func append(_ bytes: [UInt8], to text: inout [UInt8]) {
    bytes.withUnsafeBufferPointer { bytes in
      alphabet.withUnsafeBufferPointer { alphabet in
        func digit(_ bits: UInt32, _ shift: UInt32) -> UInt8 { alphabet[Int(bits >> shift & 63)] }
        var place = 0
        while place + 3 <= bytes.count {
          let bits = UInt32(bytes[place]) << 16 | UInt32(bytes[place + 1]) << 8 | UInt32(bytes[place + 2])
          text.append(digit(bits, 18))
          text.append(digit(bits, 12))
          text.append(digit(bits, 6))
          text.append(digit(bits, 0))
          place += 3
        }
        guard place < bytes.count else { return }
        let isPair = place + 1 < bytes.count
        let bits = UInt32(bytes[place]) << 16 | (isPair ? UInt32(bytes[place + 1]) << 8 : 0)
        text.append(digit(bits, 18))
        text.append(digit(bits, 12))
        if isPair { text.append(digit(bits, 6)) }
      }
    }
  }

  /// The bytes; `nil` for anything but the one text that `append` makes of them.
  static func decode(_ text: ArraySlice<UInt8>) -> [UInt8]? {
    guard text.count % 4 != 1 else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count * 3 / 4)
    var bits: UInt32 = 0
    var count: UInt32 = 0
    for byte in text {
      guard let value = value(of: byte) else { return nil }
      bits = (bits << 6 | value) & 0xFFFF
      count += 6
      if count >= 8 {
        count -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> count))
      }
    }
    // Bits beyond the last byte are zero, so that one value has one text.
    return bits & ((1 << count) - 1) == 0 ? bytes : nil
  }

  private static func value(of byte: UInt8) -> UInt32? {
    switch byte {
    case 65...90: UInt32(byte - 65)
    case 97...122: UInt32(byte - 71)
    case 48...57: UInt32(byte + 4)
    case 45: 62
    case 95: 63
    default: nil
    }
  }
}
