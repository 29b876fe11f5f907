/// When a program that has ended by itself is started again: at once for the first time, later and later when it ends
/// again and again within a window, and never given up.
///
/// Pure: the caller says what time it is, in monotonic nanoseconds.
public struct RestartPolicy: Sendable {
  /// Ends that are older than this do not count: 60 s.
  public static let windowNanoseconds: UInt64 = 60_000_000_000
  /// The pause before the second start; each further one doubles it: 200 ms.
  public static let firstPauseNanoseconds: UInt64 = 200_000_000
  /// The longest pause: 10 s.
  public static let pauseNanosecondsMax: UInt64 = 10_000_000_000
  private static let endsMax = 16

  private var ends: [UInt64] = []
  /// When it is to be started; `nil` while it runs.
  public private(set) var startAt: UInt64?

  /// A program that has never ended.
  public init() {}

  /// Ends within the window, the last one included.
  public var recentEnds: Int { ends.count }

  /// Notes that the program does not run; calling it again changes nothing. Returns whether that was unknown until now.
  public mutating func ended(at now: UInt64) -> Bool {
    guard startAt == nil else { return false }
    ends.removeAll { now &- $0 > RestartPolicy.windowNanoseconds }
    ends.append(now)
    if ends.count > RestartPolicy.endsMax { ends.removeFirst() }
    startAt = now &+ RestartPolicy.pause(afterEnds: ends.count)
    return true
  }

  /// Whether the time to start it has come. After `true` it counts as running.
  public mutating func isDue(at now: UInt64) -> Bool {
    guard let due = startAt, due <= now else { return false }
    startAt = nil
    return true
  }

  static func pause(afterEnds count: Int) -> UInt64 {
    guard count > 1 else { return 0 }
    let doublings = min(UInt64(count - 2), 10)
    return min(firstPauseNanoseconds << doublings, pauseNanosecondsMax)
  }
}
