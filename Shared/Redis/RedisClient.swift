/// What Redis commands can be sent through: a `RedisPool`, or a `RedisSession` of one's own.
public protocol RedisClient: Sendable {
  /// Sends a command and waits for its reply, for `timeout` or the configured time. Throws `RedisError`; error replies
  /// are thrown as `server`.
  nonisolated(nonsending) func send(_ command: RedisCommand, timeout: Duration?) async throws(RedisError) -> RedisValue

  /// Sends commands behind each other in one write; error replies are elements of the result. Others' commands do not
  /// come between them on the wire, but the server does not execute them as one.
  nonisolated(nonsending) func pipeline(
    _ commands: [RedisCommand], timeout: Duration?
  ) async throws(RedisError) -> [RedisValue]

  /// Executes commands as one (MULTI, the commands, EXEC in one write) and returns their replies; an error at execution
  /// is an element, the other commands are executed nevertheless. Throws the server's reason when a command was refused
  /// beforehand: then none was executed.
  nonisolated(nonsending) func transaction(
    _ commands: [RedisCommand], timeout: Duration?
  ) async throws(RedisError) -> [RedisValue]
}

extension RedisClient {
  /// Sends a command given by its words and waits for its reply.
  public nonisolated(nonsending) func send(
    _ arguments: [RedisArgument], timeout: Duration? = nil
  ) async throws(RedisError) -> RedisValue {
    try await send(RedisCommand(arguments), timeout: timeout)
  }

  /// Sends commands behind each other in one write, with the configured time.
  public nonisolated(nonsending) func pipeline(_ commands: [RedisCommand]) async throws(RedisError) -> [RedisValue] {
    try await pipeline(commands, timeout: nil)
  }

  /// Sends a command that is known by name.
  nonisolated(nonsending) func call(
    _ name: RedisCommandName, _ arguments: [RedisArgument]
  ) async throws(RedisError) -> RedisValue {
    try await send(RedisCommand(name, arguments), timeout: nil)
  }

  /// Executes commands as one, with the configured time.
  public nonisolated(nonsending) func transaction(_ commands: [RedisCommand]) async throws(RedisError) -> [RedisValue] {
    try await transaction(commands, timeout: nil)
  }
}
