public import Primitives

extension UUID {
  /// A fresh version 7 identifier from the wall clock and the kernel's random source.
  public static func version7() -> UUID {
    var random = SystemRandom.shared
    return UUID(
      version7At: UInt64(clamping: WallClock.now().unixMicroseconds / 1000), random: (random.next(), random.next()))
  }

  /// A fresh version 4 identifier: 122 bits of the kernel's random source, for what must not be guessed.
  public static func random() -> UUID {
    var random = SystemRandom.shared
    return UUID(
      high: (random.next() & 0xFFFF_FFFF_FFFF_0FFF) | 0x4000,
      low: (random.next() & 0x3FFF_FFFF_FFFF_FFFF) | 0x8000_0000_0000_0000)
  }
}

extension UUIDWrapper {
  /// A fresh identifier: a version 7 UUID.
  public static func make() -> Self { Self(.version7()) }
}
