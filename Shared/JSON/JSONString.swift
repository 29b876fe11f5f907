/// The inside of JSON strings.
enum JSONString {
  static func hexValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }

  /// The UTF-8 bytes that the inside of a valid string stands for.
  static func decode(_ text: UnsafeBufferPointer<UInt8>, escaped: Bool) -> [UInt8] {
    guard escaped else { return Array(text) }
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    var at = 0
    while at < text.count {
      let byte = text[at]
      at += 1
      guard byte == UInt8(ascii: "\\"), at < text.count else {
        result.append(byte)
        continue
      }
      let kind = text[at]
      at += 1
      switch kind {
      case UInt8(ascii: "b"): result.append(0x08)
      case UInt8(ascii: "f"): result.append(0x0C)
      case UInt8(ascii: "n"): result.append(0x0A)
      case UInt8(ascii: "r"): result.append(0x0D)
      case UInt8(ascii: "t"): result.append(0x09)
      case UInt8(ascii: "u"):
        var scalar = unit(text, at)
        at += 4
        if scalar & 0xFC00 == 0xD800 {
          scalar = 0x10000 + (scalar & 0x3FF) << 10 + unit(text, at + 2) & 0x3FF
          at += 6
        }
        appendUTF8(scalar, &result)
      default: result.append(kind)
      }
    }
    return result
  }

  private static func unit(_ text: UnsafeBufferPointer<UInt8>, _ start: Int) -> UInt32 {
    var value: UInt32 = 0
    for at in start..<start + 4 where at < text.count { value = value << 4 | UInt32(hexValue(text[at]) ?? 0) }
    return value
  }

  private static func appendUTF8(_ value: UInt32, _ result: inout [UInt8]) {
    guard let scalar = Unicode.Scalar(value) else { return }
    result.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
  }
}
