/// How loaded this replica is, and what it therefore refuses.
package struct LoadState: Sendable {
  /// What bounds it.
  package struct Limits: Sendable, Equatable {
    /// Requests under way, without streams and calls of models.
    package var inFlightMax: Int
    /// Streams and calls of models under way.
    package var longMax: Int
    /// Lag of the event loops in nanoseconds; 0 for any.
    package var lagMax: UInt64
    /// Memory in bytes; 0 for any.
    package var memoryBytesMax: UInt64

    /// Makes limits.
    package init(inFlightMax: Int, longMax: Int, lagMax: UInt64 = 0, memoryBytesMax: UInt64 = 0) {
      self.inFlightMax = inFlightMax
      self.longMax = longMax
      self.lagMax = lagMax
      self.memoryBytesMax = memoryBytesMax
    }
  }

  /// Why a request is refused.
  package enum Reason: String, Sendable, CaseIterable {
    case inFlight = "in_flight"
    case lag
    case memory
  }

  /// Fewer requests under way are no load that refusals would help against, however late the loops are: another program
  /// has the processors then.
  private static let lagCountMin = 32

  private let limits: Limits
  private var short = 0
  private var long = 0
  private var lags: [Int: UInt64] = [:]
  private var memoryBytes: UInt64 = 0

  /// A replica without load.
  package init(_ limits: Limits) { self.limits = limits }

  /// Requests under way.
  package func count(isLong: Bool) -> Int { isLong ? long : short }

  /// A request arrives. Returns why it is refused; `nil` when it was counted. Its priority is asked for only where it
  /// decides.
  package mutating func enter(_ priority: @autoclosure () -> ShedPriority, isLong: Bool) -> Reason? {
    if let reason = refusal(.list, isLong: isLong) {
      let own = priority()
      if own == .list { return reason }
      if let reason = refusal(own, isLong: isLong) { return reason }
    }
    if isLong { long += 1 } else { short += 1 }
    return nil
  }

  private func refusal(_ priority: ShedPriority, isLong: Bool) -> Reason? {
    if limits.memoryBytesMax > 0, Double(memoryBytes) > Double(limits.memoryBytesMax) * priority.memoryPart {
      return .memory
    }
    if limits.lagMax > 0, short + long >= LoadState.lagCountMin, lag / priority.lagFactor > limits.lagMax {
      return .lag
    }
    let (count, max) = isLong ? (long, limits.longMax) : (short, limits.inFlightMax)
    return Double(count) < Double(max) * priority.roomPart ? nil : .inFlight
  }

  /// A request has ended.
  package mutating func leave(isLong: Bool) {
    if isLong { long = Swift.max(0, long - 1) } else { short = Swift.max(0, short - 1) }
  }

  /// A loop was so late. A peak counts at once and fades by half with each measurement.
  package mutating func measured(lag: UInt64, loop: Int) { lags[loop] = Swift.max(lag, (lags[loop] ?? 0) / 2) }

  /// The process has so much memory.
  package mutating func measured(memoryBytes: UInt64) { self.memoryBytes = memoryBytes }

  /// The lag of the latest loop.
  package var lag: UInt64 { lags.values.max() ?? 0 }
}
