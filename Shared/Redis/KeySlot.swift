/// The slot of a key in a cluster: CRC-16 (XMODEM) of the key, or of its hash tag, modulo 16384
/// (https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/).
enum KeySlot {
  /// Slots of a cluster.
  static let count = 16_384

  private static let table: [UInt16] = (0..<256).map { index in
    var value = UInt16(index) << 8
    for _ in 0..<8 { value = value & 0x8000 != 0 ? value << 1 ^ 0x1021 : value << 1 }
    return value
  }

  static func crc16(_ bytes: some Sequence<UInt8>) -> UInt16 {
    var crc: UInt16 = 0
    for byte in bytes { crc = crc << 8 ^ table[Int(UInt8(truncatingIfNeeded: crc >> 8) ^ byte)] }
    return crc
  }

  /// The slot of a key: what stands between the first `{` and the next `}` alone counts, if that is anything.
  static func of(_ key: some Collection<UInt8>) -> Int {
    if let open = key.firstIndex(of: UInt8(ascii: "{")) {
      let rest = key[key.index(after: open)...]
      if let close = rest.firstIndex(of: UInt8(ascii: "}")), close != rest.startIndex {
        return Int(crc16(rest[..<close])) % count
      }
    }
    return Int(crc16(key)) % count
  }

  /// The slot of an argument.
  static func of(_ key: RedisArgument) -> Int {
    switch key {
    case .string(let text): of(text.utf8)
    case .bytes(let bytes): of(bytes)
    case .integer(let value): of("\(value)".utf8)
    case .double(let value): of("\(value)".utf8)
    }
  }
}
