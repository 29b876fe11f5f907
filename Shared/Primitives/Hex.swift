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
    bytes.withContiguousStorageIfAvailable { encode(contiguous: $0) }
      ?? Array(bytes).withUnsafeBufferPointer { encode(contiguous: $0) }
  }

  private static func encode(contiguous bytes: UnsafeBufferPointer<UInt8>) -> String {
    String(unsafeUninitializedCapacity: bytes.count * 2) { buffer in
      for position in 0..<bytes.count {
        buffer[2 * position] = digit(bytes[position] >> 4)
        buffer[2 * position + 1] = digit(bytes[position] & 0xF)
      }
      return bytes.count * 2
    }
  }

  /// Sixteen digits of a word.
  public static func encode(_ word: UInt64) -> String {
    String(unsafeUninitializedCapacity: 16) { buffer in
      write(word, to: buffer, at: 0)
      return 16
    }
  }

  /// The bytes, or `nil` when the length is odd or a character is no digit.
  public static func decode(_ text: some StringProtocol) -> [UInt8]? {
    if let result = text.utf8.withContiguousStorageIfAvailable({ decode(ascii: $0) }) { return result }
    return Array(text.utf8).withUnsafeBufferPointer { decode(ascii: $0) }
  }

  private static func decode(ascii text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
    guard text.count % 2 == 0 else { return nil }
    var isValid = true
    let result = [UInt8](unsafeUninitializedCapacity: text.count / 2) { buffer, count in
      for position in 0..<text.count / 2 {
        guard let high = value(of: text[2 * position]), let low = value(of: text[2 * position + 1]) else {
          isValid = false
          return
        }
        buffer[position] = high << 4 | low
        count += 1
      }
    }
    return isValid ? result : nil
  }

  /// Writes the sixteen digits of a word to `buffer` from `position`.
  public static func write(_ word: UInt64, to buffer: UnsafeMutableBufferPointer<UInt8>, at position: Int) {
    for index in 0..<16 {
      buffer[position + index] = digit(UInt8(truncatingIfNeeded: word >> UInt64(60 - index * 4)) & 0xF)
    }
  }
}
