internal import Reactor
internal import Synchronization

/// A connection for one user, on which commands may block. It is not made again when it is lost.
public final class RedisSession: RedisClient {
  private let connection: RedisConnection
  private let configuration: RedisConfiguration
  private let tickets = Atomic<UInt64>(0)

  init(_ connection: RedisConnection, _ configuration: RedisConfiguration) {
    self.connection = connection
    self.configuration = configuration
  }

  /// On the loop.
  func close() { connection.close() }

  /// Sends a command. For one that blocks give a `timeout` beyond the command's own; after a time-out or a cancellation
  /// the session still waits for the old reply before the next one.
  public nonisolated(nonsending) func send(
    _ command: RedisCommand, timeout: Duration? = nil
  ) async throws(RedisError) -> RedisValue {
    guard command.hasOneReply else { throw RedisError(.invalidCommand, detail: "it has other than one reply") }
    return try await exchange(call(.single(command), timeout), on: connection.loop).get()
  }

  /// Sends commands behind each other in one write; error replies are elements of the result.
  public nonisolated(nonsending) func pipeline(
    _ commands: [RedisCommand], timeout: Duration? = nil
  ) async throws(RedisError) -> [RedisValue] {
    guard commands.allSatisfy(\.hasOneReply) else {
      throw RedisError(.invalidCommand, detail: "a command has other than one reply")
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
    return try await exchange(call(.group(commands), timeout), on: connection.loop).get().requireArray()
  }

  private func call(_ request: RedisRequest, _ timeout: Duration?) -> RedisCall {
    RedisCall(
      request: request, ticket: tickets.add(1, ordering: .relaxed).newValue,
      timeout: timeout ?? configuration.commandTimeout)
  }
}

extension RedisSession: CallTarget {
  func submit(_ call: RedisCall, _ continuation: UnsafeContinuation<RedisResult, Never>) {
    if let refusal = connection.submit(call, continuation) { continuation.resume(returning: .failure(refusal)) }
  }

  func cancel(ticket: UInt64) { connection.cancel(ticket: ticket) }
}
