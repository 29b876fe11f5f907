internal import Glibc
internal import Primitives
internal import Reactor

/// How long an answer takes. Spreads are the sigma of a log-normal distribution around the given median: 0 is always
/// the median, 0.5 has its 99th percentile at about three times the median, as providers do.
package struct MockPace: Sendable, Equatable {
  /// Time before the first byte.
  package var latency = Duration.zero
  package var spread = 0.0
  /// Time between two pieces of a stream.
  package var pieceDelay = Duration.zero
  /// The rate of a stream; 0: as fast as it can.
  package var tokensPerSecond = 0.0
  package var rateSpread = 0.0

  func beforeFirst() async throws {
    guard latency > .zero else { return }
    try await EventLoop.sleep(for: MockPace.draw(Double(latency.nanoseconds), spread))
  }

  /// One draw for a whole stream: a slow answer is slow to its end.
  func betweenPieces(tokens: Int64) -> Duration {
    guard tokensPerSecond > 0 else { return pieceDelay }
    return pieceDelay + MockPace.draw(Double(tokens) / tokensPerSecond * 1e9, rateSpread)
  }

  /// No wait is longer, whatever a script says.
  private static let waitMax = 600e9

  /// A draw around a median of so many nanoseconds, within 0 and ten minutes.
  private static func draw(_ median: Double, _ sigma: Double) -> Duration {
    guard sigma > 0 else { return wait(median) }
    // Twelve uniform numbers make a normal one, near enough.
    var sum = -6.0
    for _ in 0..<12 { sum += Double.random(in: 0..<1) }
    return wait(median * exp(sigma * sum))
  }

  private static func wait(_ nanoseconds: Double) -> Duration {
    // Not a number is no wait.
    nanoseconds > 0 ? .nanoseconds(Int64(min(nanoseconds, waitMax))) : .zero
  }
}
