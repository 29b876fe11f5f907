internal import Primitives
public import Reactor
internal import Synchronization

/// Connections to one Redis server for all event loops of a process: one per loop, shared by all of the loop's tasks,
/// made again by itself after the server was away.
///
/// Calls are cheapest from the pool's loops; from elsewhere they are carried to one of them.
public final class RedisPool: RedisClient {
  private let group: EventLoopGroup
  private let shards: PerLoop<RedisShard>
  private let counts: [LoopCounts]
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

  /// Sends a command; those that block or change the connection are refused as `invalidCommand`.
  public nonisolated(nonsending) func send(
    _ command: RedisCommand, timeout: Duration? = nil
  ) async throws(RedisError) -> RedisValue {
    guard !command.arguments.isEmpty, command.mayShareConnection else {
      throw RedisError(.invalidCommand, detail: "\(command.name.rawValue) needs a connection of its own")
    }
    return try await exchange(.single(command), timeout).get()
  }

  /// Sends commands behind each other in one write; error replies are elements of the result.
  public nonisolated(nonsending) func pipeline(
    _ commands: [RedisCommand], timeout: Duration? = nil
  ) async throws(RedisError) -> [RedisValue] {
    guard commands.allSatisfy({ !$0.arguments.isEmpty && $0.mayShareConnection }) else {
      throw RedisError(.invalidCommand, detail: "a command needs a connection of its own")
    }
    return try await carry(commands, timeout)
  }

  /// Executes commands as one (MULTI, the commands, EXEC in one write) and returns their replies.
  public nonisolated(nonsending) func transaction(
    _ commands: [RedisCommand], timeout: Duration? = nil
  ) async throws(RedisError) -> [RedisValue] {
    try RedisTransaction.results(
      try await carry(RedisTransaction.wrapped(commands), timeout), count: commands.count)
  }

  private nonisolated(nonsending) func carry(
    _ commands: [RedisCommand], _ timeout: Duration?
  ) async throws(RedisError) -> [RedisValue] {
    guard !commands.isEmpty else { return [] }
    return try await exchange(.group(commands), timeout).get().requireArray()
  }

  private nonisolated(nonsending) func exchange(_ request: RedisRequest, _ timeout: Duration?) async -> RedisResult {
    let loop = home
    let count = counts[loop.index]
    count.inFlight.add(1, ordering: .relaxed)
    defer { count.inFlight.subtract(1, ordering: .relaxed) }
    let ticket = count.tickets.add(1, ordering: .relaxed).newValue
    let call = RedisCall(request: request, ticket: ticket, timeout: timeout ?? configuration.commandTimeout)
    return await exchange(call, on: loop)
  }

  /// The caller's loop if it is one of the pool's, else any.
  private var home: EventLoop {
    if let loop = EventLoop.current, loop.index < group.loops.count, group.loops[loop.index] === loop { return loop }
    return group.next()
  }

  // MARK: Connections of one's own

  /// Opens a connection for `body` alone, for commands that block or change the connection, and closes it afterwards.
  /// Throws `overloaded` beyond the configured number, what connecting throws, and what `body` throws.
  public func withSession<Value: Sendable>(
    _ body: @escaping @Sendable (RedisSession) async throws -> Value
  ) async throws -> Value {
    let loop = home
    let counts = try reserveDedicated(loop)
    defer { counts.dedicated.subtract(1, ordering: .relaxed) }
    let configuration = self.configuration
    let observer = self.observer
    return try await withTaskExecutorPreference(loop) {
      let session = RedisSession(try await RedisConnection.connect(configuration, observer: observer), configuration)
      defer { session.close() }
      return try await body(session)
    }
  }

  /// Listens to channels on a connection of its own, which is made again after it was lost (a `gap` tells). At most
  /// `bufferedMax` messages (and the configured bytes) wait for the reader; then the oldest are dropped and a `gap`
  /// tells. Returns once the server has confirmed. Throws as `withSession` does.
  public func subscribe(
    _ channels: [String], bufferedMax: Int = 1024
  ) async throws(RedisError) -> RedisSubscription {
    guard !channels.isEmpty else { throw RedisError(.invalidCommand, detail: "no channels") }
    let loop = home
    let counts = try reserveDedicated(loop)
    let subscriber = Subscriber(
      loop: loop, configuration: configuration, channels: channels, observer: observer,
      buffer: MessageBuffer(messagesMax: bufferedMax, bytesMax: configuration.subscriptionBytesMax), counts: counts)
    try await subscriber.start()
    return RedisSubscription(subscriber)
  }

  private func reserveDedicated(_ loop: EventLoop) throws(RedisError) -> LoopCounts {
    let counts = self.counts[loop.index]
    if counts.dedicated.add(1, ordering: .relaxed).newValue > configuration.dedicatedConnectionsPerLoopMax {
      counts.dedicated.subtract(1, ordering: .relaxed)
      throw RedisError(.overloaded, detail: "too many connections of their own")
    }
    return counts
  }
}

extension RedisPool: CallTarget {
  func submit(_ call: RedisCall, _ continuation: UnsafeContinuation<RedisResult, Never>) {
    shards.current.submit(call, continuation)
  }

  func cancel(ticket: UInt64) { shards.existing?.cancel(ticket: ticket) }
}
