internal import Dialects
internal import HTTPWire
internal import Primitives
internal import Reactor

/// Keeps the connection of a caller alive while nothing comes for it: load balancers end those that are silent for a
/// minute. One lazy timer per stream.
///
/// `@unchecked Sendable`: confined to its loop, on which the stream's task runs too.
final class HeartBeat: @unchecked Sendable {
  private let loop: EventLoop
  private let interval: UInt64
  private let bytes: [UInt8]
  private let offer: @Sendable ([UInt8]) -> Void
  private var lastAt: UInt64
  private var timer: Timer?
  private var isStopped = false

  /// Beats from now on; nil without an interval or off a loop.
  init?(every interval: Duration, _ dialect: Dialect, _ output: Reply.Output) {
    guard interval > .zero, let loop = EventLoop.current else { return nil }
    self.loop = loop
    self.interval = UInt64(clamping: interval.nanoseconds)
    bytes = HeartBeat.bytes(dialect)
    offer = output.offer
    lastAt = MonotonicClock.now()
    arm()
  }

  /// What clients of a dialect overlook: Anthropic's know a ping, the others ignore comments.
  static func bytes(_ dialect: Dialect) -> [UInt8] {
    dialect == .messages ? Array("event: ping\ndata: {\"type\": \"ping\"}\n\n".utf8) : Array(": keep-alive\n\n".utf8)
  }

  /// Something else was sent.
  func rest() { lastAt = MonotonicClock.now() }

  /// Beats once, now.
  func beat() {
    offer(bytes)
    rest()
  }

  func stop() {
    isStopped = true
    if let timer { loop.cancel(timer) }
    timer = nil
  }

  private func arm() {
    timer = loop.schedule(at: lastAt &+ interval) { [weak self] in self?.fired() }
  }

  private func fired() {
    timer = nil
    guard !isStopped else { return }
    if MonotonicClock.now() >= lastAt &+ interval { beat() }
    arm()
  }
}
