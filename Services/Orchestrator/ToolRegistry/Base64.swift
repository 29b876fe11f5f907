/// Base64 with padding (RFC 4648, section 4).
enum Base64 {
  /// The bytes; `nil` for anything else than one text of theirs.
  static func decode(_ text: String) -> [UInt8]? {
    var text = text
    return text.withUTF8 { text -> [UInt8]? in
      guard text.count.isMultiple(of: 4) else { return nil }
      let padding = text.suffix(2).reversed().prefix { $0 == UInt8(ascii: "=") }.count
      var bytes: [UInt8] = []
      bytes.reserveCapacity(text.count / 4 * 3)
      var bits: UInt32 = 0
      var count: UInt32 = 0
      for byte in text.dropLast(padding) {
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
  }

  private static func value(of byte: UInt8) -> UInt32? {
    switch byte {
    case 65...90: UInt32(byte - 65)
    case 97...122: UInt32(byte - 71)
    case 48...57: UInt32(byte + 4)
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: "/"): 63
    default: nil
    }
  }
}
