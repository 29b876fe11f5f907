internal import Reactor
internal import Synchronization

/// What other threads may know of a loop's connections.
final class LoopCounts: Sendable {
  /// Usable shared connections.
  let ready = Atomic<Int>(0)
  /// Tickets given so far.
  let tickets = Atomic<UInt64>(0)
  /// Calls in progress.
  let inFlight = Atomic<Int>(0)
  /// Dedicated connections in use.
  let dedicated = Atomic<Int>(0)
}

/// The shared connections of one loop.
///
/// `@unchecked Sendable`: confined to its loop.
final class RedisShard: @unchecked Sendable {
  private var keepers: [ConnectionKeeper] = []
  private var isClosed = false
  private let observer: (any RedisObserver)?

  init(loop: EventLoop, configuration: RedisConfiguration, observer: (any RedisObserver)?, counts: LoopCounts) {
    self.observer = observer
    keepers = (0..<max(1, configuration.connectionsPerLoop)).map { _ in
      ConnectionKeeper(loop: loop, configuration: configuration, observer: observer) { isReady in
        counts.ready.add(isReady ? 1 : -1, ordering: .relaxed)
      }
    }
  }

  func start() async {
    guard !isClosed else { return }
    await withTaskGroup(of: Void.self) { group in
      for keeper in keepers { group.addTask { await keeper.start() } }
    }
  }

  func close() {
    isClosed = true
    for keeper in keepers { keeper.close() }
  }

  /// Sends a call on the least busy connection; resumes the continuation in any case.
  func submit(_ call: RedisCall, _ continuation: UnsafeContinuation<RedisResult, Never>) {
    let refusal: RedisError
    if let connection = leastBusy() {
      guard let reason = connection.submit(call, continuation) else { return }
      refusal = reason
    } else {
      refusal = RedisError(.unavailable, detail: keepers.lazy.compactMap(\.lastError).first?.debugDescription ?? "")
    }
    if let observer {
      let name: RedisCommandName = if case .single(let command) = call.request { command.name } else { .multi }
      observer.commandFinished(name, nanoseconds: 0, outcome: RedisOutcome(refusal), inFlight: 0)
    }
    continuation.resume(returning: .failure(refusal))
  }

  func cancel(ticket: UInt64) {
    for keeper in keepers { keeper.connection?.cancel(ticket: ticket) }
  }

  private func leastBusy() -> RedisConnection? {
    if keepers.count == 1 { return keepers[0].connection }
    var best: RedisConnection?
    for keeper in keepers {
      if let connection = keeper.connection, connection.inFlight < best?.inFlight ?? .max { best = connection }
    }
    return best
  }
}
