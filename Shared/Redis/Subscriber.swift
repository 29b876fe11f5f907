internal import Primitives
internal import Reactor
internal import Synchronization
internal import SystemSources

/// Keeps one connection subscribed to some channels.
///
/// `@unchecked Sendable`: everything but the constants is touched on its loop only.
final class Subscriber: @unchecked Sendable {
  let buffer: MessageBuffer
  private let loop: EventLoop
  private let configuration: RedisConfiguration
  private let channels: [String]
  private let observer: (any RedisObserver)?
  private let counts: LoopCounts
  private var lifecycle = ConnectionLifecycle()
  private var connection: RedisConnection?
  private var timer: Timer?
  private var attempt: Task<Void, any Error>?
  private var hasBeenReady = false
  private let isStopped = Atomic<Bool>(false)

  init(
    loop: EventLoop, configuration: RedisConfiguration, channels: [String], observer: (any RedisObserver)?,
    buffer: MessageBuffer, counts: LoopCounts
  ) {
    self.loop = loop
    self.configuration = configuration
    self.channels = channels
    self.observer = observer
    self.buffer = buffer
    self.counts = counts
  }

  /// Subscribes. Throws why that failed; nothing remains then.
  func start() async throws(RedisError) {
    let first = loop.task { [self] in
      _ = lifecycle.start()
      finish(await subscribed())
      if let failure = lastFailure { throw failure }
    }
    let result = await withTaskCancellationHandler {
      await first.result
    } onCancel: {
      first.cancel()
    }
    guard case .failure(let error) = result else { return }
    stop()
    throw error as? RedisError ?? RedisError(.cancelled)
  }

  /// Ends it all, from any thread.
  func stop() {
    buffer.finish()
    // Once only: by the second time the loop may have ended.
    guard !isStopped.exchange(true, ordering: .acquiringAndReleasing) else { return }
    loop.execute { [self] in
      counts.dedicated.subtract(1, ordering: .relaxed)
      _ = lifecycle.close()
      if let timer { loop.cancel(timer) }
      timer = nil
      attempt?.cancel()
      attempt = nil
      connection?.close()
      connection = nil
    }
  }

  private var lastFailure: RedisError?

  private func perform(_ action: ConnectionLifecycle.Action) {
    switch action {
    case .none: break
    case .connect:
      attempt = loop.task { [self] in
        finish(await subscribed())
        attempt = nil
      }
    case .pause(let pause):
      timer = loop.schedule(after: pause) { [weak self] in
        guard let self else { return }
        timer = nil
        perform(lifecycle.pauseOver())
      }
    case .discard: connection?.close()
    }
  }

  /// Connects, subscribes, and waits for the confirmations.
  private func subscribed() async -> Result<RedisConnection, RedisError> {
    do {
      let made = try await RedisConnection.connect(configuration, observer: observer)
      let confirmed = Promise<Void>(on: loop)
      var missing = Set(channels)
      made.onClosed = { confirmed.fail($0) }
      made.onPush = { [weak self] in
        if case .array(let parts) = $0, parts.count == 3, parts[0].text == "subscribe", let channel = parts[1].text {
          missing.remove(channel)
          if missing.isEmpty { confirmed.succeed(()) }
        } else if case .error(let error) = $0 {
          confirmed.fail(RedisError(error))
        } else {
          self?.take($0)
        }
      }
      made.post(
        RedisCommand(.subscribe, ["SUBSCRIBE"] + channels.map(RedisArgument.string)), expectsReply: false)
      do {
        try await confirmed.value(deadline: deadline(after: configuration.commandTimeout, from: loop.now))
        return .success(made)
      } catch let error {
        made.close()
        if error is ReactorError { return .failure(RedisError(.timedOut)) }
        return .failure(error as? RedisError ?? RedisError(.cancelled))
      }
    } catch {
      return .failure(error)
    }
  }

  private func finish(_ result: Result<RedisConnection, RedisError>) {
    var random = SystemRandom.shared
    switch result {
    case .success(let made):
      if let failure = made.failure { return finish(.failure(failure)) }
      guard lifecycle.connected(at: loop.now) == .none else { return made.close() }
      lastFailure = nil
      connection = made
      observer?.connected()
      if hasBeenReady { buffer.append(.gap(.reconnected)) }
      hasBeenReady = true
      made.onClosed = { [weak self] error in self?.lost(error) }
      made.onPush = { [weak self] in self?.take($0) }
      probeLater()
    case .failure(let error):
      lastFailure = error
      observer?.connectFailed(error)
      // The first attempt is the caller's: it is told, and nothing is tried again.
      if hasBeenReady { perform(lifecycle.connectFailed(random: random.next())) }
    }
  }

  private func lost(_ error: RedisError) {
    connection = nil
    if let timer { loop.cancel(timer) }
    timer = nil
    observer?.disconnected(error)
    var random = SystemRandom.shared
    perform(lifecycle.lost(at: loop.now, random: random.next()))
  }

  private func take(_ push: RedisValue) {
    guard case .array(let parts) = push, parts.count == 3, parts[0].text == "message", let channel = parts[1].text,
      let payload = parts[2].bytes
    else { return }
    buffer.append(.published(channel: channel, payload: payload))
  }

  /// A subscription may be silent for long; a probe per interval tells whether the server is still there.
  private func probeLater() {
    let asked = loop.now
    connection?.post(RedisCommand(.ping, ["PING"]), expectsReply: false)
    timer = loop.schedule(after: configuration.probeInterval) { [weak self] in
      guard let self, let connection else { return }
      timer = nil
      if connection.heardAt < asked { return connection.close() }
      probeLater()
    }
  }
}
