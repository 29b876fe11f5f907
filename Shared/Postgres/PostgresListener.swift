internal import CLibPQ
internal import Primitives
internal import Reactor
internal import Synchronization
internal import SystemSources

/// What a listener hears.
public enum PostgresNotice: Hashable, Sendable {
  /// Somebody has notified the channel.
  case payload(String)
  /// The connection was made (again): what was notified before may have been missed.
  case mayHaveMissed
}

/// Hears a channel (`LISTEN`) on a connection of its own, which is made again by itself.
///
/// Notifications are hints: whoever gets `mayHaveMissed` looks for itself.
public final class PostgresListener: Sendable {
  private struct State {
    var continuation: AsyncStream<PostgresNotice>.Continuation?
    var task: Task<Void, any Error>?
    var isConnected = false
  }

  /// Notices that may wait for a slow reader; older ones give way.
  public static let noticesMax = 1024
  private static let connectTimeout: UInt64 = 5_000_000_000
  private static let pollInterval = Duration.milliseconds(5)

  private let pool: PostgresPool
  private let channel: String
  private let state = Mutex(State())

  /// A listener of one channel.
  public init(pool: PostgresPool, channel: String) {
    self.pool = pool
    self.channel = channel
  }

  /// Starts listening, on the current loop. One reader.
  public func notifications() -> AsyncStream<PostgresNotice> {
    // Where code runs is decided by our own code, not by input.
    guard let loop = EventLoop.current else { preconditionFailure("listening off a loop") }
    return AsyncStream(bufferingPolicy: .bufferingNewest(PostgresListener.noticesMax)) { continuation in
      let task = loop.task { [self] in try await listen(continuation, loop) }
      state.withLock {
        $0.continuation = continuation
        $0.task = task
      }
    }
  }

  /// Whether the channel is heard now, as far as this side of the connection knows.
  public var isConnected: Bool { state.withLock { $0.isConnected } }

  /// Waits until the channel is heard.
  public func connected() async throws {
    while !state.withLock({ $0.isConnected }) { try await EventLoop.sleep(for: PostgresListener.pollInterval) }
  }

  /// Ends listening.
  public func stop() {
    let (task, continuation) = state.withLock { ($0.task, $0.continuation) }
    task?.cancel()
    continuation?.finish()
  }

  private func listen(_ continuation: AsyncStream<PostgresNotice>.Continuation, _ loop: EventLoop) async throws {
    var backoff = PostgresBackoff()
    let quoted = "\"" + channel.unicodeScalars.reduce(into: "") { $0 += $1 == "\"" ? "\"\"" : String($1) } + "\""
    while !Task.isCancelled {
      do {
        let deadline = MonotonicClock.now() &+ PostgresListener.connectTimeout
        let connection = try await pool.dedicated(deadline: deadline)
        defer { connection.close() }
        let broken = Promise<Void>(on: loop)
        connection.onBroken = { broken.succeed(()) }
        connection.onNotification = { _, payload in continuation.yield(.payload(payload)) }
        _ = try await connection.script("listen \(quoted)", deadline: deadline)
        backoff = PostgresBackoff()
        state.withLock { $0.isConnected = true }
        continuation.yield(.mayHaveMissed)
        try await broken.value()
      } catch is CancellationError {
        state.withLock { $0.isConnected = false }
        return
      } catch {
        // The database is away; it is tried again below.
      }
      state.withLock { $0.isConnected = false }
      var random = SystemRandom.shared
      try await EventLoop.sleep(for: backoff.next(random: random.next()))
    }
  }
}
