/// What a process does about the memory that it uses. Pure.
///
/// Above the soft limit it leases nothing more until it is well below; above the hard one it gives its steps back and
/// ends, for its supervisor to start it again.
public struct MemoryPressure: Sendable {
  /// How it stands.
  public enum Level: Int, Sendable, CaseIterable {
    /// There is room.
    case normal
    /// Nothing more is leased.
    case high
    /// The process ends.
    case critical
  }

  /// Below this share of the soft limit leasing goes on, in percent.
  static let recoveryPercent: UInt64 = 90
  /// Shares of the memory that the process may use at all, where a limit is known and none is configured, in percent.
  static let softPercent: UInt64 = 80
  static let hardPercent: UInt64 = 92

  /// Bytes; 0 for none.
  public let softBytes: UInt64
  /// Bytes; 0 for none.
  public let hardBytes: UInt64
  /// How it stands.
  public private(set) var level = Level.normal

  /// `softBytes` and `hardBytes` are what is configured, 0 for the shares of `limitBytes`; that is what the control
  /// group allows, `nil` for no limit.
  public init(softBytes: UInt64, hardBytes: UInt64, limitBytes: UInt64?) {
    func share(_ percent: UInt64) -> UInt64 { limitBytes.map { $0 / 100 * percent } ?? 0 }
    self.softBytes = softBytes > 0 ? softBytes : share(MemoryPressure.softPercent)
    self.hardBytes = hardBytes > 0 ? hardBytes : share(MemoryPressure.hardPercent)
  }

  /// Takes a reading. Returns the level when it has changed.
  public mutating func update(usedBytes: UInt64) -> Level? {
    let before = level
    switch level {
    case .critical: break
    case _ where hardBytes > 0 && usedBytes >= hardBytes: level = .critical
    case .normal where softBytes > 0 && usedBytes >= softBytes: level = .high
    case .high where usedBytes < softBytes / 100 * MemoryPressure.recoveryPercent: level = .normal
    case .normal, .high: break
    }
    return level == before ? nil : level
  }
}
