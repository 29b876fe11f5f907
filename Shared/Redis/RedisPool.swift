public import Reactor
internal import Synchronization
internal import SystemSources

/// Connections to Redis for all event loops of a process: one per loop and server, shared by all of the loop's tasks,
/// made again by itself after the server was away, to another server when sentinels or the cluster say so.
///
/// Calls are cheapest from the pool's loops; from elsewhere they are carried to one of them.
public final class RedisPool: Sendable {
  private let group: EventLoopGroup
  private let shards: PerLoop<RedisShard>
  let counts: [LoopCounts]
  private let observer: (any RedisObserver)?
  private let isClosed = Atomic<Bool>(false)
  /// Whether keys are spread over nodes, so that a command can have keys of one slot only.
  public let isCluster: Bool
  /// The configuration that the pool was made with.
  public let configuration: RedisConfiguration

  /// Makes a pool; `start` connects.
  public init(group: EventLoopGroup, configuration: RedisConfiguration, observer: (any RedisObserver)? = nil) {
    self.group = group
    self.configuration = configuration
    self.observer = observer
    if case .cluster = configuration.deployment { isCluster = true } else { isCluster = false }
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

  /// Why the caller's loop, or some loop, has no connection, if it has none.
  public func connectionError() async -> RedisError? {
    let shards = self.shards
    return try? await home.task { shards.current.lastError }.value
  }

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
    return try await exchange(command, timeout, near: nil).get()
  }

  /// The same for a command without keys, asked of the node of a cluster that has `key`.
  nonisolated(nonsending) func send(
    _ command: RedisCommand, near key: RedisArgument?, timeout: Duration? = nil
  ) async throws(RedisError) -> RedisValue {
    try await exchange(command, timeout, near: key).get()
  }

  private nonisolated(nonsending) func exchange(
    _ command: RedisCommand, _ timeout: Duration?, near key: RedisArgument?
  ) async -> RedisResult {
    let loop = home
    let count = counts[loop.index]
    count.inFlight.add(1, ordering: .relaxed)
    defer { count.inFlight.subtract(1, ordering: .relaxed) }
    let token = count.tokens.add(1, ordering: .relaxed).newValue
    var call = RedisCall(command: command, token: token, timeout: timeout ?? configuration.commandTimeout)
    guard isCluster else { return await exchange(call, on: loop) }
    if let key {
      call.route = .slot(KeySlot.of(key))
    } else if command.reach == .none {
      return .failure(
        RedisError(.invalidCommand, detail: "\(command.name.rawValue) has no key that names a node of the cluster"))
    }
    return await exchangeInCluster(call, on: loop)
  }

  /// Follows redirections within the time that there is for them.
  private nonisolated(nonsending) func exchangeInCluster(_ first: RedisCall, on loop: EventLoop) async -> RedisResult {
    var call = first
    var policy = RedirectPolicy(
      route: first.route, host: configuration.address, timeout: configuration.redirectTimeout,
      connectTimeout: first.timeout, now: MonotonicClock.now())
    while true {
      let result = await exchange(call, on: loop)
      guard case .failure(let error) = result else { return result }
      let step = policy.failed(error, at: MonotonicClock.now())
      if let redirect = step.redirect { observer?.redirected(redirect) }
      guard case .again(let route, let pause) = step.action else { return result }
      call.route = route
      if let pause {
        do { try await loop.task { try await EventLoop.sleep(for: pause) }.value } catch {
          return .failure(RedisError(.cancelled))
        }
      }
    }
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
