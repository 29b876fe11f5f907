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
  private let cluster: ClusterNodes?

  init(loop: EventLoop, configuration: RedisConfiguration, observer: (any RedisObserver)?, counts: LoopCounts) {
    self.observer = observer
    let onChange = { (isReady: Bool) in
      _ = counts.ready.add(isReady ? 1 : -1, ordering: .relaxed)
    }
    cluster = ClusterNodes(loop: loop, configuration: configuration, observer: observer, onChange: onChange)
    guard cluster == nil else { return }
    connections = (0..<max(1, configuration.connectionsPerLoop)).map { _ in
      ReconnectingConnection(loop: loop, configuration: configuration, observer: observer, onChange: onChange)
    }
  }

  func start() async {
    guard !isClosed else { return }
    if let cluster { return await cluster.start() }
    await withTaskGroup(of: Void.self) { group in
      for connection in connections { group.addTask { await connection.start() } }
    }
  }

  func close() {
    isClosed = true
    cluster?.close()
    for connection in connections { connection.close() }
  }

  /// Why there is no connection, if there is none.
  var lastError: RedisError? {
    if let cluster, cluster.connections.isEmpty { return cluster.lastError }
    return (cluster?.connections ?? connections).lazy.filter { $0.current == nil }.compactMap(\.lastError).first
  }

  /// Sends a call on the least busy connection; resumes the continuation in any case.
  func submit(_ call: RedisCall, _ continuation: UnsafeContinuation<RedisResult, Never>) {
    let refusal: RedisError
    if let cluster {
      guard let reason = submit(call, to: cluster, continuation) else { return }
      refusal = reason
      if refusal == .connecting { return continuation.resume(returning: .failure(refusal)) }
    } else if let connection = leastBusy() {
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

  private func submit(
    _ call: RedisCall, to cluster: ClusterNodes, _ continuation: UnsafeContinuation<RedisResult, Never>
  ) -> RedisError? {
    guard let node = cluster.connection(for: call.route, call.command) else {
      return RedisError(.unavailable, detail: cluster.lastError?.debugDescription ?? "nobody serves the slot")
    }
    if let connection = node.current { return connection.submit(call, continuation) }
    return node.isStarting ? .connecting : RedisError(.unavailable, detail: node.lastError?.debugDescription ?? "")
  }

  func cancel(token: UInt64) {
    if let cluster { for connection in cluster.connections { connection.current?.cancel(token: token) } }
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
