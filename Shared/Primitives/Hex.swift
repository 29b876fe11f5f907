/// Lower-case hexadecimal text.
public enum Hex {
  /// The ASCII digit of a value below 16.
  @inlinable
  public static func digit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
  }

  /// The value of an ASCII digit of either case, or `nil`.
  @inlinable
  public static func value(of digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
    default: nil
    }
  }

  /// Two digits per byte.
  public static func encode(_ bytes: some Collection<UInt8>) -> String {
    String(unsafeUninitializedCapacity: bytes.count * 2) { buffer in
      var position = 0
      for byte in bytes {
        buffer[position] = digit(byte >> 4)
        buffer[position + 1] = digit(byte & 0xF)
        position += 2
      }
      return position
    }
  }

  /// Sixteen digits of a word.
  public static func encode(_ word: UInt64) -> String {
    String(unsafeUninitializedCapacity: 16) { buffer in
      for index in 0..<16 {
        buffer[index] = digit(UInt8(truncatingIfNeeded: word >> UInt64(60 - index * 4)) & 0xF)
      }
      return 16
    }
  }

  /// The bytes, or `nil` when the length is odd or a character is no digit.
  public static func decode(_ text: some StringProtocol) -> [UInt8]? {
    var result: [UInt8] = []
    var pending: UInt8?
    for byte in text.utf8 {
      guard let value = value(of: byte) else { return nil }
      if let high = pending {
        result.append(high << 4 | value)
        pending = nil
      } else {
        pending = value
      }
    }
    return pending == nil ? result : nil
  }
}
