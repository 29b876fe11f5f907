/// Builds a composite literal.
struct RowText {
  private var bytes: [UInt8] = []

  init(reservingBytes count: Int) {
    bytes.reserveCapacity(count)
    bytes.append(UInt8(ascii: "("))
  }

  private mutating func separate() { if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) } }

  /// A word without any byte that means something in a literal.
  mutating func plain(_ word: String) {
    separate()
    bytes += word.utf8
  }

  mutating func number(_ value: Int64?) {
    separate()
    if let value { bytes += String(value).utf8 }
  }

  /// Any text; nil is null, which is not the empty one.
  mutating func text(_ text: String?) {
    separate()
    guard let text else { return }
    bytes.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { bytes.append(byte) }
      bytes.append(byte)
    }
    bytes.append(UInt8(ascii: "\""))
  }

  func finished() -> [UInt8] { bytes + [UInt8(ascii: ")")] }
}
