/// A 128-bit universally unique identifier (RFC 9562), kept as two big-endian words so that it is a trivial value.
///
/// Order is byte order, so version 7 identifiers sort by their time of creation.
public struct UUID: Hashable, Sendable, Comparable {
  /// The first eight bytes, most significant first.
  public let high: UInt64
  /// The last eight bytes, most significant first.
  public let low: UInt64

  /// Makes an identifier from its two words.
  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// Makes a version 7 identifier: 48 bits of Unix milliseconds, then 74 random bits.
  public init(version7At unixMilliseconds: UInt64, random: (UInt64, UInt64)) {
    self.high = (unixMilliseconds << 16) | 0x7000 | (random.0 & 0x0FFF)
    self.low = 0x8000_0000_0000_0000 | (random.1 >> 2)
  }

  /// Reads the 36-character form (either case) or 32 hexadecimal digits; `nil` for anything else.
  public init?(_ text: some StringProtocol) {
    self.init(ascii: text.utf8)
  }

  /// Reads the textual form from UTF-8 bytes.
  public init?(ascii: some Collection<UInt8>) {
    let words =
      ascii.withContiguousStorageIfAvailable { UUID.words($0) }
      ?? Array(ascii).withUnsafeBufferPointer { UUID.words($0) }
    guard let words else { return nil }
    self.init(high: words.high, low: words.low)
  }

  private static func words(_ ascii: UnsafeBufferPointer<UInt8>) -> (high: UInt64, low: UInt64)? {
    let dashed = ascii.count == 36
    guard dashed || ascii.count == 32 else { return nil }
    var high: UInt64 = 0
    var low: UInt64 = 0
    var digits = 0
    var position = 0
    for byte in ascii {
      defer { position += 1 }
      if dashed, position == 8 || position == 13 || position == 18 || position == 23 {
        guard byte == UInt8(ascii: "-") else { return nil }
        continue
      }
      guard let value = Hex.value(of: byte) else { return nil }
      if digits < 16 { high = (high << 4) | UInt64(value) } else { low = (low << 4) | UInt64(value) }
      digits += 1
    }
    return (high, low)
  }

  /// The sixteen bytes, most significant first.
  public var bytes: [UInt8] {
    [UInt8](unsafeUninitializedCapacity: 16) { buffer, count in
      for index in 0..<8 {
        buffer[index] = UInt8(truncatingIfNeeded: high >> UInt64(56 - index * 8))
        buffer[index + 8] = UInt8(truncatingIfNeeded: low >> UInt64(56 - index * 8))
      }
      count = 16
    }
  }

  /// Makes an identifier from sixteen bytes; `nil` when there are more or fewer.
  public init?(bytes: some Collection<UInt8>) {
    guard bytes.count == 16 else { return nil }
    var words: (UInt64, UInt64) = (0, 0)
    for (index, byte) in bytes.enumerated() {
      if index < 8 { words.0 = (words.0 << 8) | UInt64(byte) } else { words.1 = (words.1 << 8) | UInt64(byte) }
    }
    self.init(high: words.0, low: words.1)
  }

  /// Unix milliseconds of a version 7 identifier (meaningless for other versions).
  public var unixMilliseconds: UInt64 { high >> 16 }

  /// Byte order.
  public static func < (left: UUID, right: UUID) -> Bool {
    left.high != right.high ? left.high < right.high : left.low < right.low
  }
}

extension UUID: CustomStringConvertible {
  /// The 36-character lower-case form.
  public var description: String {
    String(unsafeUninitializedCapacity: 36) { buffer in
      var position = 0
      for index in 0..<32 {
        if position == 8 || position == 13 || position == 18 || position == 23 {
          buffer[position] = UInt8(ascii: "-")
          position += 1
        }
        let word = index < 16 ? high : low
        let shift = UInt64(60 - (index % 16) * 4)
        buffer[position] = Hex.digit(UInt8(truncatingIfNeeded: word >> shift) & 0xF)
        position += 1
      }
      return 36
    }
  }
}
