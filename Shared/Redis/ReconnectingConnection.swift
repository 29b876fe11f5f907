internal import Primitives
internal import Reactor
internal import SystemSources

/// A shared connection that is made again when it is lost: performs what `ConnectionLifecycle` says.
///
/// `@unchecked Sendable`: confined to its loop.
final class ReconnectingConnection: @unchecked Sendable {
  private let loop: EventLoop
  private let configuration: RedisConfiguration
  private let observer: (any RedisObserver)?
  private let onChange: (Bool) -> Void
  private let locator: SentinelLocator?
  private var lifecycle: ConnectionLifecycle
  private var timer: Timer?
  private var attempt: Task<Void, any Error>?
  private var firstAttempt: Promise<Void>?
  /// The connection while it is usable.
  private(set) var current: RedisConnection?
  /// Why there is none.
  private(set) var lastError: RedisError?
  /// Where the connection was made to last.
  private(set) var address: SocketAddress?
  private var look: Task<Void, any Error>?

  /// `onChange` is called when the connection becomes usable (`true`) and when it ends (`false`).
  init(
    loop: EventLoop, configuration: RedisConfiguration, observer: (any RedisObserver)?,
    onChange: @escaping (Bool) -> Void
  ) {
    self.loop = loop
    self.configuration = configuration
    self.observer = observer
    self.onChange = onChange
    locator = SentinelLocator(configuration)
    lifecycle = ConnectionLifecycle(pauseMillisecondsMax: configuration.retryPauseMax.milliseconds)
  }

  /// Whether the first attempt to connect is under way.
  var isStarting: Bool { lifecycle.state == .connecting && lastError == nil && address == nil }

  /// Begins, and waits for the end of the first attempt.
  func start() async {
    guard lifecycle.state == .idle else { return }
    let promise = Promise<Void>(on: loop)
    firstAttempt = promise
    perform(lifecycle.start())
    try? await promise.value()
  }

  func close() {
    perform(lifecycle.close())
    if let timer { loop.cancel(timer) }
    timer = nil
    attempt?.cancel()
    attempt = nil
    look?.cancel()
    look = nil
    firstAttempt?.succeed(())
  }

  private func perform(_ action: ConnectionLifecycle.Action) {
    switch action {
    case .none: break
    case .connect: attempt = loop.task { await self.connect() }
    case .pause(let pause):
      timer = loop.schedule(after: pause) { [self] in
        timer = nil
        perform(lifecycle.pauseOver())
      }
    case .discard: current?.close()
    }
  }

  private func connect() async {
    let result: Result<RedisConnection, RedisError>
    var target = configuration
    do {
      if let locator { target = configuration.server(at: try await locator.locate(), requiresMaster: true) }
      result = .success(try await RedisConnection.connect(target, observer: observer))
    } catch {
      result = .failure(error)
    }
    attempt = nil
    if case .success = result {
      if let address, address != target.address { observer?.topologyChanged() }
      address = target.address
    }
    finish(result)
    firstAttempt?.succeed(())
    firstAttempt = nil
  }

  private func finish(_ result: Result<RedisConnection, RedisError>) {
    switch result {
    case .success(let made):
      if let failure = made.failure { return finish(.failure(failure)) }
      guard lifecycle.connected(at: loop.now) == .none else { return made.close() }
      current = made
      // Strong references in a ring until `lost` or `close`: weak ones would slow the look-up of the connection.
      made.onClosed = { [self] error in lost(error) }
      observer?.connected()
      onChange(true)
      probeLater()
    case .failure(let error):
      lastError = error
      observer?.connectFailed(error)
      var random = SystemRandom.shared
      perform(lifecycle.connectFailed(random: random.next()))
    }
  }

  private func lost(_ error: RedisError) {
    current = nil
    lastError = error
    if let timer { loop.cancel(timer) }
    timer = nil
    observer?.disconnected(error)
    onChange(false)
    var random = SystemRandom.shared
    perform(lifecycle.lost(at: loop.now, random: random.next()))
  }

  /// An idle connection whose peer vanished is noticed by an overdue answer to a probe.
  private func probeLater() {
    timer = loop.schedule(after: configuration.probeInterval) { [self] in
      guard let current else { return }
      if current.inFlight == 0 { current.post(RedisCommand(.ping, ["PING"])) }
      lookForAnotherMaster()
      probeLater()
    }
  }

  /// A master that was cut off from the sentinels goes on as if nothing had happened: what they say counts.
  private func lookForAnotherMaster() {
    guard let locator, look == nil else { return }
    look = loop.task { [self] in
      let found = try? await locator.locate()
      look = nil
      guard let found, found != address else { return }
      current?.close()
    }
  }
}
