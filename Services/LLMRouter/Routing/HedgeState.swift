/// Attempts that run at the same time for one call (hedging): the first answer wins, the others are cancelled and
/// accounted. A state machine without I/O; attempts are numbered in the order in which they start.
public struct HedgeState: Sendable {
  /// What the end of an attempt leads to.
  public enum Action: Sendable, Hashable {
    /// Nothing yet: another attempt is running, or the call is over.
    case none
    /// It is the answer; these attempts have lost and are cancelled.
    case win(cancel: [Int])
    /// Its answer came too late; what it has cost is accounted.
    case discard
    /// No attempt is left: its failure is the call's.
    case fail
  }

  private var running: Set<Int> = []
  private var startedCount = 0
  private var losers: Set<Int> = []
  private var isOver = false

  /// No attempt runs.
  public init() {}

  /// Another attempt starts. Returns its number.
  public mutating func started() -> Int {
    defer { startedCount += 1 }
    running.insert(startedCount)
    return startedCount
  }

  /// Whether another attempt was faster than this one.
  public func hasLost(_ attempt: Int) -> Bool { losers.contains(attempt) }

  /// An attempt has an answer.
  public mutating func succeeded(_ attempt: Int) -> Action {
    running.remove(attempt)
    guard !isOver else { return .discard }
    isOver = true
    losers = running
    return .win(cancel: running.sorted())
  }

  /// An attempt has none.
  public mutating func failed(_ attempt: Int) -> Action {
    running.remove(attempt)
    return running.isEmpty && !isOver ? .fail : .none
  }

  /// The caller is gone. Returns the attempts that are cancelled.
  public mutating func cancelled() -> [Int] {
    isOver = true
    return running.sorted()
  }
}
