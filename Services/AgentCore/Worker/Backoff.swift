/// Pauses between tries: each twice as long as the one before up to a limit, and a random part shorter, so that many
/// who wait for the same service do not come at once.
struct Backoff: Sendable {
  private let max: Duration
  private var next: Duration
  private var seed: UInt64

  /// `seed` makes the random parts.
  init(first: Duration, max: Duration, seed: UInt64) {
    self.max = max
    next = min(first, max)
    self.seed = seed
  }

  /// The next pause: between half of and all of the present step.
  mutating func pause() -> Duration {
    let full = next
    next = min(full * 2, max)
    // The finaliser of SplitMix64.
    seed &+= 0x9E37_79B9_7F4A_7C15
    var bits = seed
    bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
    bits ^= bits >> 31
    return full / 2 + full / 2 * Double(bits >> 11) / Double(1 << 53)
  }
}
