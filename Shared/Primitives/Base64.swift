/// Base64 (RFC 4648): the only place where its digits are written and read.
public enum Base64 {
  /// Which 64 letters stand for the digits.
  public enum Alphabet: Sendable {
    /// Section 4: `+` and `/`.
    case standard
    /// Section 5, for URLs: `-` and `_`.
    case url

    fileprivate var letters: [UInt8] { self == .standard ? Base64.standard : Base64.url }
    fileprivate var values: [UInt8] { self == .standard ? Base64.standardValues : Base64.urlValues }
  }

  private static let standard = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  private static let url = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
  private static let standardValues = values(of: standard)
  private static let urlValues = values(of: url)
  private static let padding = UInt8(ascii: "=")

  private static func values(of letters: [UInt8]) -> [UInt8] {
    var table = [UInt8](repeating: 0xFF, count: 256)
    for (value, letter) in letters.enumerated() { table[Int(letter)] = UInt8(truncatingIfNeeded: value) }
    return table
  }

  /// The text of bytes, with padding unless `pads` is false.
  public static func encode(_ bytes: [UInt8], _ alphabet: Alphabet = .standard, pads: Bool = true) -> String {
    let letters = alphabet.letters
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let left = bytes.count - start
      let word =
        UInt32(bytes[start]) << 16 | UInt32(left > 1 ? bytes[start + 1] : 0) << 8
        | UInt32(left > 2 ? bytes[start + 2] : 0)
      text.append(letters[Int(word >> 18 & 63)])
      text.append(letters[Int(word >> 12 & 63)])
      if left > 1 { text.append(letters[Int(word >> 6 & 63)]) } else if pads { text.append(padding) }
      if left > 2 { text.append(letters[Int(word & 63)]) } else if pads { text.append(padding) }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// The bytes of a text with padding; `nil` for anything but the one text that `encode` makes of them.
  public static func decode(_ text: String) -> [UInt8]? {
    let letters = Array(text.utf8)
    guard letters.count.isMultiple(of: 4) else { return nil }
    return decode(unpadded: withoutPadding(letters))
  }

  /// The letters without the padding that completes four.
  public static func withoutPadding(_ letters: [UInt8]) -> ArraySlice<UInt8> {
    guard letters.count.isMultiple(of: 4) else { return letters[...] }
    return letters.dropLast(letters.suffix(2).reversed().prefix { $0 == padding }.count)
  }

  /// The bytes of letters without padding; `nil` for a letter outside the alphabet or a length that no bytes have.
  /// Bits beyond the last byte must be zero, so that one value has one text, unless `dropsRest` says that they do not
  /// matter.
  public static func decode(
    unpadded letters: ArraySlice<UInt8>, _ alphabet: Alphabet = .standard, dropsRest: Bool = false
  ) -> [UInt8]? {
    guard letters.count % 4 != 1 else { return nil }
    let values = alphabet.values
    var bytes: [UInt8] = []
    bytes.reserveCapacity(letters.count / 4 * 3 + 2)
    var word: UInt32 = 0
    var bits: UInt32 = 0
    for letter in letters {
      let value = values[Int(letter)]
      guard value < 64 else { return nil }
      word = (word << 6 | UInt32(value)) & 0xFFFF
      bits += 6
      if bits >= 8 {
        bits -= 8
        bytes.append(UInt8(truncatingIfNeeded: word >> bits))
      }
    }
    return dropsRest || word & ((1 << bits) - 1) == 0 ? bytes : nil
  }
}
