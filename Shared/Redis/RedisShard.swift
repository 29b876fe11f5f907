internal import Reactor
internal import Synchronization

/// What other threads may know of a loop's connections.
final class LoopCounts: Sendable {
  /// Usable shared connections.
  let ready = Atomic<Int>(0)
  /// Tokens given to calls so far.
  let tokens = Atomic<UInt64>(0)
  /// Calls in progress.
  let inFlight = Atomic<Int>(0)
}

/// The shared connections of one loop.
///
/// `@unchecked Sendable`: confined to its loop.
final class RedisShard: @unchecked Sendable {
  private var connections: [ReconnectingConnection] = []
  private var isClosed = false
  private let observer: (any RedisObserver)?

  init(loop: EventLoop, configuration: RedisConfiguration, observer: (any RedisObserver)?, counts: LoopCounts) {
    self.observer = observer
    connections = (0..<max(1, configuration.connectionsPerLoop)).map { _ in
      ReconnectingConnection(loop: loop, configuration: configuration, observer: observer) { isReady in
        counts.ready.add(isReady ? 1 : -1, ordering: .relaxed)
      }
    }
  }

  func start() async {
    guard !isClosed else { return }
    await withTaskGroup(of: Void.self) { group in
      for connection in connections { group.addTask { await connection.start() } }
    }
  }

  func close() {
    isClosed = true
    for connection in connections { connection.close() }
  }

  /// Sends a call on the least busy connection; resumes the continuation in any case.
  func submit(_ call: RedisCall, _ continuation: UnsafeContinuation<RedisResult, Never>) {
    let refusal: RedisError
    if let connection = leastBusy() {
      guard let reason = connection.submit(call, continuation) else { return }
      refusal = reason
    } else {
      refusal = RedisError(.unavailable, detail: connections.lazy.compactMap(\.lastError).first?.debugDescription ?? "")
    }
    if let observer {
      observer.commandFinished(call.command.name, nanoseconds: 0, outcome: RedisOutcome(refusal), inFlight: 0)
    }
    continuation.resume(returning: .failure(refusal))
  }

  func cancel(token: UInt64) {
    for connection in connections { connection.current?.cancel(token: token) }
  }

  private func leastBusy() -> RedisConnection? {
    if connections.count == 1 { return connections[0].current }
    var best: RedisConnection?
    for candidate in connections {
      if let connection = candidate.current, connection.inFlight < best?.inFlight ?? .max { best = connection }
    }
    return best
  }
}
