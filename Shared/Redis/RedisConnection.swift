internal import Primitives
internal import Reactor
internal import SystemSources
internal import TLS

/// A call on its way: what is sent, who sends it, and how long there is time.
struct RedisCall: Sendable {
  let command: RedisCommand
  /// Distinguishes the call from all others of its loop.
  let token: UInt64
  let timeout: Duration
  /// Who is asked; one server has no choice.
  var route = CallRoute.reach
}

/// One connection to a server: commands leave together at the end of the loop's turn, replies come in the same order.
///
/// `@unchecked Sendable`: confined to its loop.
final class RedisConnection: @unchecked Sendable {
  /// Reads in a row before others get their turn.
  private static let readsPerTurnMax = 16
  /// Shortest time between two looks at the deadlines.
  private static let timerNanosecondsMin: UInt64 = 1_000_000

  let loop: EventLoop
  private let configuration: RedisConfiguration
  private let observer: (any RedisObserver)?
  private let socket: StreamSocket
  private let writer: StreamWriter
  private let reader: ReplyReader
  private let secured: SecuredStream?
  private var pending = PendingCommands()
  private var pendingBytes = 0
  private var bytesWritten: UInt64 = 0
  private var timer: Timer?
  private(set) var failure: RedisError?
  /// Called once when the connection has ended.
  var onClosed: ((RedisError) -> Void)?

  /// Commands that wait for their replies.
  var inFlight: Int { pending.count }

  private init(
    _ writer: consuming StreamWriter, _ configuration: RedisConfiguration, _ observer: (any RedisObserver)?,
    _ secured: SecuredStream?
  ) {
    socket = writer.socket
    self.writer = writer
    self.secured = secured
    self.configuration = configuration
    self.observer = observer
    loop = socket.loop
    reader = ReplyReader(limits: configuration.replyLimits)
  }

  // MARK: Connecting

  /// Connects and greets on the current loop. Throws `unavailable`, `timedOut` or what the server answered.
  static func connect(
    _ configuration: RedisConfiguration, observer: (any RedisObserver)? = nil
  ) async throws(RedisError) -> RedisConnection {
    let limit = deadline(after: configuration.connectTimeout, from: MonotonicClock.now())
    let socket: StreamSocket
    do {
      socket = try await StreamSocket.connect(to: configuration.address, deadline: limit)
    } catch let error as ReactorError {
      throw RedisError(error.code == .timedOut ? .timedOut : .unavailable, detail: error.description)
    } catch {
      throw RedisError(.cancelled)
    }
    guard let writer = socket.takeWriter() else { throw RedisError(.unavailable, detail: "the connection is in use") }
    let secured: SecuredStream?
    do { secured = try await SecuredStream.make(configuration) } catch {
      socket.close()
      throw error
    }
    let connection = RedisConnection(writer, configuration, observer, secured)
    connection.loop.task { await connection.read() }
    do {
      try await connection.greet(limit)
    } catch {
      connection.close()
      throw error
    }
    return connection
  }

  private func greet(_ limit: UInt64) async throws(RedisError) {
    let commands = configuration.greeting
    let replies = try await ask(commands, until: limit)
    for (command, reply) in zip(commands, replies) {
      // A user without the right to name the connection may still use it.
      if command.name != .client, case .error(let error) = reply { throw RedisError(error) }
      if command.name == .role, reply.array?.first?.text != "master" {
        throw RedisError(.unavailable, detail: "the server is no master")
      }
    }
  }

  /// Sends commands of our own before a moment and waits for all replies, error replies among them. The connection
  /// ends when the task is cancelled.
  func ask(_ commands: [RedisCommand], until limit: UInt64) async throws(RedisError) -> [RedisValue] {
    let result = await withTaskCancellationHandler {
      await withUnsafeContinuation { (continuation: UnsafeContinuation<RedisResult, Never>) in
        // What has made the connection useless says more than that it is.
        if let failure { return continuation.resume(returning: .failure(failure)) }
        let group = ReplyGroup(count: commands.count, continuation)
        for command in commands { write(command, .group(group), 0, limit) }
        setNeedsFlush()
      }
    } onCancel: {
      loop.execute { self.close() }
    }
    return try result.get().requireArray()
  }

  // MARK: Sending

  /// Sends a call. Returns why it was refused, if so: the continuation is then not resumed.
  func submit(_ call: RedisCall, _ continuation: UnsafeContinuation<RedisResult, Never>) -> RedisError? {
    if let failure { return RedisError(.connectionLost, detail: failure.detail) }
    if let refusal = admit(call.command.encodedBytesMax) { return refusal }
    let limit = deadline(after: call.timeout, from: loop.now)
    if case .asking = call.route { write(RedisCommand(.other, ["ASKING"]), .nobody, 0, limit) }
    write(call.command, .task(continuation), call.token, limit)
    setNeedsFlush()
    return nil
  }

  /// Sends a command whose reply nobody reads.
  func post(_ command: RedisCommand) {
    guard failure == nil else { return }
    write(command, .nobody, 0, deadline(after: configuration.commandTimeout, from: loop.now))
    setNeedsFlush()
  }

  private func admit(_ bytes: Int) -> RedisError? {
    if bytes > configuration.inFlightBytesMax {
      return RedisError(.invalidCommand, detail: "larger than all that may be in flight")
    }
    if pending.count >= configuration.inFlightCommandsMax
      || pendingBytes + bytes > configuration.inFlightBytesMax
    {
      return RedisError(.overloaded)
    }
    return nil
  }

  private func write(_ command: RedisCommand, _ sink: ReplySink, _ token: UInt64, _ deadline: UInt64) {
    let bytes = secured?.plaintext.append(command) ?? writer.output.append(command)
    bytesWritten &+= UInt64(bytes)
    pendingBytes += bytes
    pending.append(
      PendingCommand(
        sink: sink, token: token, name: command.name, deadline: deadline,
        startedAt: observer == nil ? 0 : MonotonicClock.now(), bytes: bytes, end: bytesWritten))
    if timer == nil || deadline < timer?.deadline ?? .max { arm(deadline) }
  }

  private func setNeedsFlush() {
    guard let secured else { return writer.setNeedsFlush() }
    guard secured.needsSealing() else { return }
    loop.atEndOfTurn { [self] in seal() }
  }

  /// Seals what was written in this turn and sends it; before the end of the handshake only what that needs.
  private func seal() {
    guard let secured, failure == nil else { return }
    do { try secured.seal { writer.output.append($0) } } catch { return fail(RedisError(error)) }
    writer.flushNow()
  }

  // MARK: Receiving

  private func read() async {
    guard var input = socket.takeReader() else { return }
    do {
      var reads = 0
      while try await input.fill() {
        let now = observer == nil ? 0 : MonotonicClock.now()
        if let secured {
          try secured.receive(input.input.readable) { piece in try reader.feed(piece) { take($0, now) } }
          // The handshake has gone on, or TLS itself has something to say.
          if secured.hasOutput { seal() }
        } else {
          try reader.feed(input.input.readable) { take($0, now) }
        }
        guard failure == nil else { return }
        input.input.consume(input.input.count)
        reads += 1
        if reads % RedisConnection.readsPerTurnMax == 0 { await Task.yield() }
      }
      fail(RedisError(.connectionLost, outcomeUnknown: true, detail: "the server closed the connection"))
    } catch let error as RedisError {
      fail(error)
    } catch let error as TLSError {
      fail(RedisError(error))
    } catch {
      fail(RedisError(.connectionLost, outcomeUnknown: true, detail: String(describing: error)))
    }
  }

  private func take(_ value: RedisValue, _ now: UInt64) {
    guard failure == nil else { return }
    guard let command = pending.popFirst() else {
      return fail(RedisError(.protocolViolation, outcomeUnknown: true, detail: "a reply that nobody asked for"))
    }
    pendingBytes -= command.bytes
    switch command.sink {
    case .nobody: break
    case .task(let continuation):
      if case .error(let error) = value {
        let error = RedisError(error)
        observe(command, .serverError, now)
        continuation.resume(returning: .failure(error))
        if configuration.requiresMaster, error.serverPrefix == "READONLY" {
          fail(RedisError(.connectionLost, outcomeUnknown: true, detail: "the server is no master any more"))
        }
      } else {
        observe(command, .ok, now)
        continuation.resume(returning: .success(value))
      }
    case .group(let group):
      observe(command, value.error == nil ? .ok : .serverError, now)
      group.add(.success(value))
    }
  }

  private func observe(_ command: PendingCommand, _ outcome: RedisOutcome, _ now: UInt64) {
    guard let observer, command.token != 0 else { return }
    observer.commandFinished(
      command.name, nanoseconds: now > command.startedAt ? now - command.startedAt : 0, outcome: outcome,
      inFlight: pending.count)
  }

  // MARK: Giving up

  /// Ends a call for its caller; its replies are read and dropped.
  func cancel(token: UInt64) {
    abandon(RedisError(.cancelled, outcomeUnknown: true)) { $0.token == token }
  }

  private func abandon(_ error: RedisError, where isMeant: (PendingCommand) -> Bool) {
    let now = observer == nil ? 0 : MonotonicClock.now()
    for index in 0..<pending.count {
      guard let command = pending[index], !command.isAbandoned, isMeant(command) else { continue }
      pending[index]?.sink = .nobody
      observe(command, RedisOutcome(error), now)
      command.sink.finish(.failure(error))
    }
  }

  private func arm(_ moment: UInt64) {
    if let timer { loop.cancel(timer) }
    // A strong reference until the timer fires or the connection ends: a weak one would slow all others.
    timer = loop.schedule(at: moment) { [self] in deadlinePassed() }
  }

  /// Fails calls whose time is over, drops the connection when its oldest reply is overdue, and looks for the next
  /// deadline.
  private func deadlinePassed() {
    timer = nil
    guard failure == nil else { return }
    let now = loop.now
    abandon(RedisError(.timedOut, outcomeUnknown: true)) { $0.deadline <= now }
    guard let oldest = pending.first else { return }
    let overdue = deadline(after: configuration.overdueGrace, from: oldest.deadline)
    guard now < overdue else {
      return fail(RedisError(.connectionLost, outcomeUnknown: true, detail: "a reply is overdue"))
    }
    var next = overdue
    for index in 0..<pending.count {
      if let command = pending[index], !command.isAbandoned { next = min(next, command.deadline) }
    }
    arm(max(next, now &+ RedisConnection.timerNanosecondsMin))
  }

  /// Closes; calls in progress fail.
  func close() {
    fail(RedisError(.connectionLost, outcomeUnknown: true, detail: "closed"))
  }

  private func fail(_ error: RedisError) {
    loop.preconditionCurrent()
    guard failure == nil else { return }
    failure = error
    if let timer { loop.cancel(timer) }
    timer = nil
    let sent = secured?.bytesSealed ?? socket.bytesSent
    socket.close()
    let now = observer == nil ? 0 : MonotonicClock.now()
    while let command = pending.popFirst() {
      if command.isAbandoned { continue }
      observe(command, RedisOutcome(error), now)
      // What has not left completely cannot have been executed.
      let unsent = RedisError(error.code, outcomeUnknown: command.end <= sent, detail: error.detail)
      command.sink.finish(.failure(unsent))
    }
    pendingBytes = 0
    let callback = onClosed
    onClosed = nil
    callback?(error)
  }
}
