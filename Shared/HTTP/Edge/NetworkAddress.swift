internal import Glibc

/// An address of IPv4 or IPv6. IPv4 within IPv6 (`::ffff:a.b.c.d`) is IPv4.
public struct NetworkAddress: Hashable, Sendable, CustomStringConvertible {
  /// 4 or 16 bytes in network order.
  public let bytes: [UInt8]

  private static let mappedPrefix: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]

  /// An address of bytes in network order; `nil` unless there are 4 or 16.
  public init?(bytes: [UInt8]) {
    switch bytes.count {
    case 4: self.bytes = bytes
    case 16: self.bytes = bytes.starts(with: NetworkAddress.mappedPrefix) ? Array(bytes[12...]) : bytes
    default: return nil
    }
  }

  /// Reads a literal, without brackets, port and zone.
  public init?(_ text: some StringProtocol) {
    // No literal is longer, and the functions of C stop at a zero.
    guard text.utf8.count <= 45, !text.utf8.contains(0) else { return nil }
    var room = [UInt8](repeating: 0, count: 16)
    let family = text.utf8.contains(UInt8(ascii: ":")) ? AF_INET6 : AF_INET
    guard inet_pton(family, String(text), &room) == 1 else { return nil }
    self.init(bytes: family == AF_INET ? Array(room[..<4]) : room)
  }

  /// The usual notation.
  public var description: String {
    var room = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    guard inet_ntop(bytes.count == 4 ? AF_INET : AF_INET6, bytes, &room, socklen_t(room.count)) != nil else {
      return ""
    }
    return String(decoding: room.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Who is counted as one client: an IPv4 address, or the /64 network of an IPv6 one, within which a host may choose.
  public var clientNetwork: NetworkAddress {
    guard bytes.count == 16 else { return self }
    return NetworkAddress(bytes: Array(bytes[..<8]) + [UInt8](repeating: 0, count: 8)) ?? self
  }
}

/// A network in CIDR notation.
public struct IPNetwork: Hashable, Sendable {
  private let address: NetworkAddress
  private let bits: Int

  /// Reads `10.0.0.0/8`, `fd00::/8` or a single address.
  public init?(_ text: String) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let first = parts.first, let address = NetworkAddress(first) else { return nil }
    self.address = address
    let all = address.bytes.count * 8
    guard parts.count == 2 else {
      bits = all
      return
    }
    guard let bits = Int(parts[1]), (0...all).contains(bits) else { return nil }
    self.bits = bits
  }

  /// Whether an address belongs to it.
  public func contains(_ other: NetworkAddress) -> Bool {
    guard other.bytes.count == address.bytes.count else { return false }
    let whole = bits / 8
    guard other.bytes[..<whole] == address.bytes[..<whole] else { return false }
    let rest = bits % 8
    guard rest > 0 else { return true }
    let mask = UInt8(truncatingIfNeeded: 0xFF00 >> rest)
    return other.bytes[whole] & mask == address.bytes[whole] & mask
  }
}
