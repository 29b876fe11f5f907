/// Knows up to which time a read replica has everything, without trust in clocks: positions in the log of the primary
/// are noted with the time at which they were asked for, and the replica has everything up to the latest one that it
/// has passed.
struct ReplicaFreshness {
  /// Positions that are kept: two minutes at one in a second.
  private static let samplesMax = 128

  /// In order of time; positions never fall.
  private var samples: [(time: UInt64, position: UInt64)] = []
  /// The time up to which the replica has everything; `nil` while it is not known.
  private(set) var wholeUntil: UInt64?

  /// The primary's log was at least at `position` for everything that was answered before `time`.
  mutating func primary(at position: UInt64, time: UInt64) {
    // Another server has taken over, from an older position.
    if let last = samples.last, position < last.position {
      samples = []
      wholeUntil = nil
    }
    if samples.count == ReplicaFreshness.samplesMax { samples.removeFirst() }
    samples.append((time, position))
  }

  /// The replica has replayed the log up to `position`.
  mutating func replica(at position: UInt64) {
    let passed = samples.prefix { $0.position <= position }
    guard let last = passed.last else { return }
    wholeUntil = last.time
    samples.removeFirst(passed.count - 1)
  }
}
