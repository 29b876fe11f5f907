internal import Primitives
public import Reactor
internal import Synchronization

/// Connections to one Redis server for all event loops of a process: one per loop, shared by all of the loop's tasks,
/// made again by itself after the server was away.
///
/// Calls are cheapest from the pool's loops; from elsewhere they are carried to one of them.
public final class RedisPool: Sendable {
  private let group: EventLoopGroup
  private let shards: PerLoop<RedisShard>
  let counts: [LoopCounts]
  private let observer: (any RedisObserver)?
  private let isClosed = Atomic<Bool>(false)
  /// The configuration that the pool was made with.
  public let configuration: RedisConfiguration

  /// Makes a pool; `start` connects.
  public init(group: EventLoopGroup, configuration: RedisConfiguration, observer: (any RedisObserver)? = nil) {
    self.group = group
    self.configuration = configuration
    self.observer = observer
    let counts = group.loops.map { _ in LoopCounts() }
    self.counts = counts
    shards = PerLoop(group) {
      RedisShard(loop: $0, configuration: configuration, observer: observer, counts: counts[$0.index])
    }
  }

  deinit {
    // After `close` the loops may have ended, and nothing is left to do on them.
    guard !isClosed.load(ordering: .acquiring) else { return }
    let shards = self.shards
    for loop in group.loops { loop.execute { shards.existing?.close() } }
  }

  /// Begins to connect on every loop, keeps connected until `close`, and returns when each first attempt has ended,
  /// well or not.
  public func start() async {
    let shards = self.shards
    try? await group.onEach { _ in await shards.current.start() }
  }

  /// Closes the shared connections for good; calls in progress fail with `connectionLost`.
  public func close() async {
    let shards = self.shards
    try? await group.onEach { _ in shards.current.close() }
    isClosed.store(true, ordering: .releasing)
  }

  /// Whether every loop has a usable connection now. From any thread.
  public var isReady: Bool { counts.allSatisfy { $0.ready.load(ordering: .relaxed) > 0 } }

  /// Calls through the pool that wait for their replies now. From any thread.
  public var inFlight: Int { counts.reduce(0) { $0 + $1.inFlight.load(ordering: .relaxed) } }

  // MARK: Commands

  /// Sends a command and waits for its reply, for `timeout` or the configured time. Throws `RedisError`; error replies
  /// are thrown as `server`. Commands that block or change the connection are refused as `invalidCommand`: all
  /// connections are shared.
  public nonisolated(nonsending) func send(
    _ command: RedisCommand, timeout: Duration? = nil
  ) async throws(RedisError) -> RedisValue {
    guard !command.arguments.isEmpty, command.mayShareConnection else {
      throw RedisError(.invalidCommand, detail: "\(command.name.rawValue) cannot share a connection")
    }
    return try await exchange(command, timeout).get()
  }

  private nonisolated(nonsending) func exchange(_ command: RedisCommand, _ timeout: Duration?) async -> RedisResult {
    let loop = home
    let count = counts[loop.index]
    count.inFlight.add(1, ordering: .relaxed)
    defer { count.inFlight.subtract(1, ordering: .relaxed) }
    let token = count.tokens.add(1, ordering: .relaxed).newValue
    let call = RedisCall(command: command, token: token, timeout: timeout ?? configuration.commandTimeout)
    return await exchange(call, on: loop)
  }

  /// The caller's loop if it is one of the pool's, else any.
  private var home: EventLoop {
    if let loop = EventLoop.current, loop.index < group.loops.count, group.loops[loop.index] === loop { return loop }
    return group.next()
  }
}

extension RedisPool: CallTarget {
  func submit(_ call: RedisCall, _ continuation: UnsafeContinuation<RedisResult, Never>) {
    shards.current.submit(call, continuation)
  }

  func cancel(token: UInt64) { shards.existing?.cancel(token: token) }
}
