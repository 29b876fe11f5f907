internal import Contracts
internal import Primitives
internal import Synchronization
internal import Telemetry

/// The heartbeats of all leases of this process, in one request for all: often enough that a cancelled run ends its
/// attempts within a second. It runs while there are leases.
///
/// An orchestrator that does not know the request has every lease send its own heartbeats; it is asked again now and
/// then.
final class LeaseHeartbeats: Sendable {
  /// What a lease gets to know of a request.
  enum Beat: Sendable {
    /// What the orchestrator has said of it, or that it has not answered; and when it was asked.
    case answered(LinkAnswer, sentAt: UInt64)
    /// The orchestrator does not know such requests.
    case unsupported
  }

  /// The pause between two requests: two of them fit into the second within which a cancellation takes effect.
  static let interval = Duration.milliseconds(500)
  /// Time for one request. One that hangs leaves time for others, at other replicas, within a lease.
  static let timeout = Duration.seconds(3)
  /// After this time an orchestrator that did not know the request is asked again: it may be newer by then.
  static let probeInterval: UInt64 = 30_000_000_000

  private struct Follower {
    let step: LeasedStep
    let beats: AsyncStream<Beat>.Continuation
  }

  private struct State {
    var followers: [UInt64: Follower] = [:]
    var nextID: UInt64 = 0
    /// Tells a loop that was stopped from the one that runs.
    var generation: UInt64 = 0
    var stop: (@Sendable () -> Void)?
    var unsupportedUntil: UInt64?
  }

  private let link: any OrchestratorLink
  private let clock: any WorkerClock
  private let metrics: WorkerMetrics
  private let logger: Logger
  private let state = Mutex(State())

  init(link: any OrchestratorLink, clock: any WorkerClock, metrics: WorkerMetrics, logger: Logger) {
    self.link = link
    self.clock = clock
    self.metrics = metrics
    self.logger = logger
  }

  /// Whether the orchestrator knows requests for many leases, as far as this process knows.
  var isSupported: Bool {
    let now = clock.now()
    return state.withLock { $0.unsupportedUntil.map { now >= $0 } ?? true }
  }

  /// Leases that are looked after.
  var count: Int { state.withLock { $0.followers.count } }

  /// Looks after a lease until the stream is dropped. The stream ends when the orchestrator turns out not to know such
  /// requests.
  func follow(_ step: LeasedStep) -> AsyncStream<Beat> {
    let (stream, beats) = AsyncStream<Beat>.makeStream(bufferingPolicy: .bufferingNewest(4))
    let started = state.withLock { state -> (id: UInt64, generation: UInt64?) in
      state.nextID += 1
      state.followers[state.nextID] = Follower(step: step, beats: beats)
      guard state.stop == nil else { return (state.nextID, nil) }
      state.generation += 1
      // Until the loop has begun, nothing needs to be stopped.
      state.stop = {}
      return (state.nextID, state.generation)
    }
    beats.onTermination = { [weak self] _ in self?.leave(started.id) }
    if let generation = started.generation {
      let stop = clock.start { [self] in await run(generation) }
      let isOver = state.withLock { state in
        guard state.generation == generation, state.stop != nil else { return true }
        state.stop = stop
        return false
      }
      if isOver { stop() }
    }
    return stream
  }

  private func leave(_ id: UInt64) {
    let stop = state.withLock { state -> (@Sendable () -> Void)? in
      state.followers[id] = nil
      guard state.followers.isEmpty else { return nil }
      defer { state.stop = nil }
      return state.stop
    }
    stop?()
  }

  private func followers(_ generation: UInt64) -> [Follower] {
    state.withLock { state in
      state.generation == generation && state.stop != nil
        ? state.followers.sorted { $0.key < $1.key }.map(\.value) : []
    }
  }

  /// The pause before the next request: that of the shortest lease, of which three fit into it.
  static func pause(_ leases: some Sequence<Duration>) -> Duration {
    leases.reduce(interval) { min($0, $1 / 3) }
  }

  private func run(_ generation: UInt64) async {
    var backoff = LeaseHeartbeats.backoff(generation)
    var isAway = false
    while true {
      let waiting = followers(generation)
      guard !waiting.isEmpty else { return }
      let pause = isAway ? backoff.pause() : LeaseHeartbeats.pause(waiting.map(\.step.lease))
      do { try await clock.sleep(for: pause) } catch { return }
      isAway = false
      let all = followers(generation)
      for start in stride(from: 0, to: all.count, by: WorkerLimits.heartbeatsMax) {
        let part = Array(all[start..<min(all.count, start + WorkerLimits.heartbeatsMax)])
        switch await ask(part) {
        case .answered: backoff = LeaseHeartbeats.backoff(generation)
        case .away: isAway = true
        case .over: return
        }
      }
    }
  }

  private static func backoff(_ seed: UInt64) -> Backoff {
    Backoff(first: .milliseconds(100), max: .seconds(1), seed: seed)
  }

  private enum Asked {
    case answered
    case away
    case over
  }

  private func ask(_ part: [Follower]) async -> Asked {
    let sentAt = clock.now()
    let answer: HeartbeatsAnswer
    do { answer = try await link.heartbeat(part.map(\.step), timeout: LeaseHeartbeats.timeout) } catch { return .over }
    switch answer {
    case .answered(let answers):
      for (follower, answer) in zip(part, answers) { follower.beats.yield(.answered(answer, sentAt: sentAt)) }
      return .answered
    case .unavailable(let reason):
      metrics.orchestratorRetries.with("heartbeat").add()
      for follower in part { follower.beats.yield(.answered(.unavailable(reason: reason), sentAt: sentAt)) }
      return .away
    case .unsupported:
      logger.info("the orchestrator takes no heartbeats of many leases; each sends its own")
      let until = clock.now() &+ LeaseHeartbeats.probeInterval
      let all = state.withLock { state in
        state.unsupportedUntil = until
        state.stop = nil
        defer { state.followers = [:] }
        return Array(state.followers.values)
      }
      for follower in all {
        follower.beats.yield(.unsupported)
        follower.beats.finish()
      }
      return .over
    }
  }
}
