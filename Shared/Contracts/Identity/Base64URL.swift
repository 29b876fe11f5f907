/// Base64 for URLs without padding (RFC 4648, section 5).
enum Base64URL {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

  /// Appends the text of `bytes`.
  static func append(_ bytes: [UInt8], to text: inout [UInt8]) {
    text += [UInt8](unsafeUninitializedCapacity: (bytes.count * 4 + 2) / 3) { output, count in
      bytes.withUnsafeBufferPointer { bytes in
        alphabet.withUnsafeBufferPointer { alphabet in count = write(bytes, alphabet, to: output) }
      }
    }
  }

  private static func write(
    _ bytes: UnsafeBufferPointer<UInt8>, _ alphabet: UnsafeBufferPointer<UInt8>,
    to output: UnsafeMutableBufferPointer<UInt8>
  ) -> Int {
    var (place, count) = (0, 0)
    while place < bytes.count {
      let rest = bytes.count - place
      let bits =
        UInt32(bytes[place]) << 16 | (rest > 1 ? UInt32(bytes[place + 1]) << 8 : 0)
        | (rest > 2 ? UInt32(bytes[place + 2]) : 0)
      for digit in 0..<min(rest + 1, 4) {
        output[count] = alphabet[Int(bits >> UInt32(18 - 6 * digit) & 63)]
        count += 1
      }
      place += 3
    }
    return count
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
