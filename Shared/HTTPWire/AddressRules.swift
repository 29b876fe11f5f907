/// Which addresses may be reached. Everything that is not known to be public is refused.
public enum AddressRules {
  /// What an address is.
  public enum Kind: String, Hashable, Sendable {
    /// An address of the public internet.
    case isPublic = "public"
    /// Of an organisation or of this machine: reached only where the operator has named the host.
    case isPrivate = "private"
    /// Reached never: metadata services of clouds and other link-local ones, multicast, forms of IPv6 that stand for
    /// IPv4 addresses, and what is reserved.
    case isForbidden = "forbidden"
  }

  private static let v4: [(first: UInt32, bits: UInt32, kind: Kind)] = [
    (0x0000_0000, 8, .isForbidden),  // 0.0.0.0/8, this network
    (0x0A00_0000, 8, .isPrivate),  // 10.0.0.0/8
    (0x6464_64C8, 32, .isForbidden),  // 100.100.100.200, a metadata service
    (0x6440_0000, 10, .isPrivate),  // 100.64.0.0/10, carrier-grade NAT
    (0x7F00_0000, 8, .isPrivate),  // 127.0.0.0/8, loopback
    (0xA83F_8110, 32, .isForbidden),  // 168.63.129.16, a metadata service
    (0xA9FE_0000, 16, .isForbidden),  // 169.254.0.0/16, link-local and metadata services
    (0xAC10_0000, 12, .isPrivate),  // 172.16.0.0/12
    (0xC000_0000, 24, .isForbidden),  // 192.0.0.0/24, protocol assignments and metadata services
    (0xC000_0200, 24, .isForbidden),  // 192.0.2.0/24, documentation
    (0xC058_6300, 24, .isForbidden),  // 192.88.99.0/24, relays of 6to4
    (0xC0A8_0000, 16, .isPrivate),  // 192.168.0.0/16
    (0xC612_0000, 15, .isPrivate),  // 198.18.0.0/15, benchmarks
    (0xC633_6400, 24, .isForbidden),  // 198.51.100.0/24, documentation
    (0xCB00_7100, 24, .isForbidden),  // 203.0.113.0/24, documentation
    (0xE000_0000, 4, .isForbidden),  // 224.0.0.0/4, multicast
    (0xF000_0000, 4, .isForbidden),  // 240.0.0.0/4, reserved and broadcast
  ]

  /// Parts of 2000::/3 that are not public.
  private static let v6: [(first: UInt64, bits: UInt64)] = [
    (0x2001_0000_0000_0000, 23),  // protocol assignments, Teredo among them
    (0x2001_0DB8_0000_0000, 32),  // documentation
    (0x2002_0000_0000_0000, 16),  // 6to4: IPv4 addresses in another form
    (0x3FFF_0000_0000_0000, 20),  // documentation
  ]

  /// What an address is.
  public static func kind(of address: WebAddress) -> Kind {
    switch address {
    case .v4(let value):
      return v4.first { value >> (32 - $0.bits) == $0.first >> (32 - $0.bits) }?.kind ?? .isPublic
    case .v6(let high, let low):
      if high == 0, low == 1 { return .isPrivate }
      // fc00::/7, unique local; but fd00:ec2::254 is a metadata service.
      if high >> 57 == 0xFC >> 1 { return high == 0xFD00_0EC2_0000_0000 && low == 0x254 ? .isForbidden : .isPrivate }
      // What is public lies in 2000::/3. Outside are mapped and compatible IPv4, NAT64, link-local, multicast.
      guard high >> 61 == 1 else { return .isForbidden }
      return v6.contains { high >> (64 - $0.bits) == $0.first >> (64 - $0.bits) } ? .isForbidden : .isPublic
    }
  }
}
