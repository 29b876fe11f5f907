/// Text that a claim can hold: UTF-8 without control characters, 1 to 256 bytes.
enum ClaimText {
  static let bytesMax = 256

  /// The nearest text that a claim can hold; `nil` for an empty one.
  static func make(_ text: String) -> String? {
    if text.utf8.count <= bytesMax, text.utf8.allSatisfy({ isAllowed($0) }) { return text.isEmpty ? nil : text }
    var made = String.UnicodeScalarView()
    var bytes = 0
    for scalar in text.unicodeScalars {
      let next = scalar.isASCII && !isAllowed(UInt8(scalar.value)) ? "\u{FFFD}" : scalar
      bytes += UTF8.width(next)
      guard bytes <= bytesMax else { break }
      made.append(next)
    }
    return String(made)
  }

  /// Reads a claim strictly; `nil` for what no signer writes.
  static func read(_ bytes: ArraySlice<UInt8>) -> String? {
    guard (1...bytesMax).contains(bytes.count), bytes.allSatisfy({ isAllowed($0) }) else { return nil }
    return String(validating: bytes, as: UTF8.self)
  }

  private static func isAllowed(_ byte: UInt8) -> Bool { byte >= 0x20 && byte != 0x7F }
}
