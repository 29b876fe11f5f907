/// Checks UTF-8 that arrives in pieces, so that a broken message is refused at its first wrong byte, not at its end.
/// Overlong forms, surrogates and values over U+10FFFF are wrong (RFC 3629).
struct UTF8Validator {
  /// How many continuation bytes are still due.
  private var due = 0
  /// The range of the next continuation byte; narrower right after some lead bytes.
  private var low: UInt8 = 0x80
  private var high: UInt8 = 0xBF

  /// False when no continuation of the bytes so far could be valid.
  mutating func accepts(_ bytes: [UInt8]) -> Bool {
    for byte in bytes {
      if due == 0 {
        if byte >= 0x80, !begin(byte) { return false }
      } else {
        guard byte >= low, byte <= high else { return false }
        due -= 1
        low = 0x80
        high = 0xBF
      }
    }
    return true
  }

  private mutating func begin(_ lead: UInt8) -> Bool {
    switch lead {
    case 0xC2...0xDF: due = 1
    case 0xE0...0xEF:
      due = 2
      if lead == 0xE0 { low = 0xA0 }
      if lead == 0xED { high = 0x9F }
    case 0xF0...0xF4:
      due = 3
      if lead == 0xF0 { low = 0x90 }
      if lead == 0xF4 { high = 0x8F }
    default: return false
    }
    return true
  }
}
