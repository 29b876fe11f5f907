/// A numeric internet address.
public enum WebAddress: Hashable, Sendable, CustomStringConvertible {
  /// IPv4, most significant byte first.
  case v4(UInt32)
  /// IPv6, most significant half first.
  case v6(UInt64, UInt64)

  /// Reads an address in its strict form: four decimal numbers without leading zeros, or RFC 4291. Nothing else: no
  /// octal, hexadecimal or short forms, no zones, no brackets.
  public init?(_ text: some StringProtocol) {
    let bytes = Array(text.utf8)
    if bytes.contains(UInt8(ascii: ":")) {
      guard let words = WebAddress.words(bytes) else { return nil }
      self = .v6(WebAddress.half(words[0..<4]), WebAddress.half(words[4..<8]))
    } else {
      guard let value = WebAddress.v4(bytes[...]) else { return nil }
      self = .v4(value)
    }
  }

  /// Makes an address of its 4 or 16 bytes.
  public init?(bytes: some Collection<UInt8>) {
    func word(_ bytes: some Collection<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
    switch bytes.count {
    case 4: self = .v4(UInt32(truncatingIfNeeded: word(bytes)))
    case 16: self = .v6(word(bytes.prefix(8)), word(bytes.dropFirst(8)))
    default: return nil
    }
  }

  /// The text of the address; IPv6 without shortening.
  public var description: String {
    switch self {
    case .v4(let value):
      return [24, 16, 8, 0].map { String(value >> UInt32($0) & 0xFF) }.joined(separator: ".")
    case .v6(let high, let low):
      return [high, low].flatMap { half in [48, 32, 16, 0].map { String(half >> UInt64($0) & 0xFFFF, radix: 16) } }
        .joined(separator: ":")
    }
  }

  private static func v4(_ text: ArraySlice<UInt8>) -> UInt32? {
    let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var value: UInt32 = 0
    for part in parts {
      guard (1...3).contains(part.count), part.count == 1 || part.first != UInt8(ascii: "0"),
        part.allSatisfy({ $0 &- 48 < 10 })
      else { return nil }
      let number = part.reduce(UInt32(0)) { $0 * 10 + UInt32($1 - 48) }
      guard number <= 255 else { return nil }
      value = value << 8 | number
    }
    return value
  }

  private static func half(_ words: ArraySlice<UInt16>) -> UInt64 { words.reduce(0) { $0 << 16 | UInt64($1) } }

  private static func words(_ text: [UInt8]) -> [UInt16]? {
    var text = text
    // An IPv4 address in the place of the last two words.
    if text.contains(UInt8(ascii: ".")) {
      guard let colon = text.lastIndex(of: UInt8(ascii: ":")), let last = v4(text[(colon + 1)...]) else { return nil }
      text =
        Array(text[...colon]) + Array(String(last >> 16, radix: 16).utf8) + [UInt8(ascii: ":")]
        + Array(String(last & 0xFFFF, radix: 16).utf8)
    }
    guard text.count <= 39 else { return nil }
    var gap: Int?
    var words: [UInt16] = []
    var place = 0
    if text.starts(with: [UInt8(ascii: ":"), UInt8(ascii: ":")]) {
      gap = 0
      place = 2
    }
    while place < text.count {
      let digits = text[place...].prefix { $0 != UInt8(ascii: ":") }
      guard (1...4).contains(digits.count), let word = UInt16(String(decoding: digits, as: UTF8.self), radix: 16),
        digits.first != UInt8(ascii: "+"), digits.first != UInt8(ascii: "-"), words.count < 8
      else { return nil }
      words.append(word)
      place += digits.count
      guard place < text.count else { break }
      place += 1
      guard place < text.count else { return nil }
      if text[place] == UInt8(ascii: ":") {
        guard gap == nil else { return nil }
        gap = words.count
        place += 1
      }
    }
    guard let gap else { return words.count == 8 ? words : nil }
    guard words.count < 8 else { return nil }
    return words[..<gap] + Array(repeating: 0, count: 8 - words.count) + words[gap...]
  }
}
