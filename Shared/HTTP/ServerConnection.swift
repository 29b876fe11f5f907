internal import Contracts
internal import HTTPWire
internal import Primitives
internal import Reactor
internal import Telemetry

/// One client connection: reads requests one after the other, has them answered, writes the answers in order.
///
/// The reader moves from place to place and cannot be copied: to the body of a request while its handler runs, and
/// back when the handler has answered.
///
/// `@unchecked Sendable`: confined to its loop.
final class ServerConnection: @unchecked Sendable {
  /// The rest of a body that the handler left is skipped up to this size, so that the connection can go on; beyond it
  /// the connection ends with the answer.
  private static let skippedBytesMax: UInt64 = 64 * 1024
  /// After an early answer the rest of the client's bytes is swallowed this long, so that the answer is not lost in a
  /// reset: many clients read nothing before they have sent everything.
  private static let lingerNanoseconds: UInt64 = 30_000_000_000
  /// A client that sends nothing for this long has read the answer, or never will.
  private static let lingerPauseNanoseconds: UInt64 = 5_000_000_000
  private static let lingerBytesMax = 64 << 20

  let socket: StreamSocket
  let writer: StreamWriter
  private unowned let shard: ServerShard
  /// Who is connected; `nil` for Unix sockets.
  private(set) lazy var peer = socket.peerAddress().flatMap { NetworkAddress(bytes: $0) }
  private var parser: RequestHeadParser
  private var scratch: [UInt8] = []
  private var requestsServed = 0
  /// Between two requests, with nothing received of the next; or answered, and only waiting for the client to go.
  private(set) var isIdle = true
  private(set) var task: Task<Void, any Error>?
  var cancelsOnDisconnect = false
  /// Bytes of the streamed body that were written.
  var bodyBytes: UInt64 = 0
  /// The reader on its way to another task.
  private var parked: StreamReader?

  init(writer: consuming StreamWriter, shard: ServerShard) {
    socket = writer.socket
    self.writer = writer
    self.shard = shard
    parser = RequestHeadParser(limits: shard.configuration.limits)
  }

  func start() {
    socket.onPeerGone = { [weak self] in
      guard let self, cancelsOnDisconnect else { return }
      task?.cancel()
    }
    task = socket.loop.task { [self] in await run() }
  }

  /// Ends an idle connection now and a busy one after its answer.
  func drain() {
    if isIdle { socket.close() }
  }

  func abort() {
    task?.cancel()
    socket.close()
  }

  /// Lets `body` fill a reused array with head bytes and appends them to the output.
  func appendHead(_ body: (inout [UInt8]) -> Void) {
    scratch.removeAll(keepingCapacity: true)
    body(&scratch)
    scratch.withUnsafeBytes { writer.output.append($0) }
  }

  private func run() async {
    guard let reader = socket.takeReader() else { return await end() }
    await serve(reader)
  }

  /// Answers one request after the other.
  func serve(_ first: consuming StreamReader) async {
    var reader = first
    while let head = await nextHead(&reader) {
      switch await answer(head, reader) {
      case .next(let back): reader = back
      case .over: return await end()
      case .elsewhere: return
      }
    }
    await end()
  }

  /// How the connection goes on behind an answer.
  enum Continuation: ~Copyable {
    /// With the next request.
    case next(StreamReader)
    /// Not at all.
    case over
    /// In another task.
    case elsewhere
  }

  func end() async {
    if !socket.isClosed { await closeGently() }
    if socket.failure?.code == .stalled { shard.dropped() }
    shard.ended(self)
  }

  // MARK: Reading heads

  /// The next request head, or `nil` when the connection is over.
  private func nextHead(_ reader: inout StreamReader) async -> RequestHead? {
    parser = RequestHeadParser(limits: shard.configuration.limits)
    var headStartedAt: UInt64 = 0
    while true {
      do {
        if !reader.input.isEmpty, let (head, consumed) = try parser.parse(reader.input.readable) {
          reader.input.consume(consumed)
          isIdle = false
          return head
        }
      } catch {
        await refuse(error, &reader)
        return nil
      }
      isIdle = reader.input.isEmpty
      let deadline: UInt64
      if isIdle {
        if shard.isDraining, requestsServed > 0 { return nil }
        let patience =
          requestsServed == 0 ? shard.configuration.headTimeout : shard.configuration.idleTimeout
        deadline = socket.loop.now &+ UInt64(clamping: patience.nanoseconds)
      } else {
        if headStartedAt == 0 { headStartedAt = socket.loop.now }
        deadline = headStartedAt &+ UInt64(clamping: shard.configuration.headTimeout.nanoseconds)
      }
      do {
        guard try await reader.fill(until: deadline) else {
          if !reader.input.isEmpty { shard.metrics.truncated() }
          return nil
        }
      } catch {
        if error.code == .timedOut, !isIdle { shard.metrics.slowClient() }
        return nil
      }
    }
  }

  private static let methods = "GET, HEAD, POST, PUT, PATCH, DELETE"

  private func refuse(_ error: HTTPWireError, _ reader: inout StreamReader) async {
    shard.metrics.malformed(error)
    var problem = Problem(error.status, code: error.code.rawValue, error.message)
    // RFC 9110, section 15.5.6: what is allowed instead. No address answers a method that is refused here.
    if error.code == .methodNotAllowed { problem.headers.append(.allow, ServerConnection.methods) }
    var response = problem.response(traceID: nil)
    shard.configuration.edge?.securityHeaders?.mark(&response.headers)
    if case .bytes(let bytes) = response.body {
      write(head: response, .length(UInt64(bytes.count)), keepAlive: false)
      writer.output.append(bytes)
    }
    await linger(&reader)
  }

  // MARK: Answering

  /// Answers one request.
  private func answer(_ head: RequestHead, _ reader: consuming StreamReader) async -> Continuation {
    let exchange = shard.begin(head, self, reader)
    cancelsOnDisconnect = exchange.options.cancelsOnDisconnect
    if cancelsOnDisconnect, socket.peerClosed { task?.cancel() }
    var response = await exchange.respond()
    exchange.describeTrace(&response)
    shard.configuration.edge?.complete(&response, to: head)
    cancelsOnDisconnect = false
    let body = exchange.request.body
    requestsServed &+= 1
    // From here on nobody but this connection reads, whatever the handler has left running.
    guard var reader = await body.revoke() else {
      body.releaseBuffered()
      socket.close()
      return .over
    }

    if case .upgrade(let serve) = response.body {
      if body.isEndedOnWire {
        upgrade(response, serve, exchange, reader)
        return .elsewhere
      }
      response = exchange.told(
        Problem(.upgradeWithBody, "A request for an upgrade cannot have a body."))
    }
    let rest = restOfBody(body, &reader)
    var keepAlive = head.keepAlive && !shard.endsConnections && rest != .unknown
    if head.method == .head {
      write(head: response, framing(of: response.body), keepAlive: keepAlive)
      response.body = .upgrade { _ in }
    }
    var ending = AnswerEnding(exchange: exchange, status: response.status, keepAlive: keepAlive, rest: rest)
    switch response.body {
    case .empty: write(head: response, BodyFraming.none, keepAlive: keepAlive)
    case .bytes(let bytes):
      write(head: response, .length(UInt64(bytes.count)), keepAlive: keepAlive)
      writer.output.append(bytes)
      ending.bytes = UInt64(bytes.count)
    case .stream(let length, let produce):
      let chunked = length == nil && head.version == .http11
      if length == nil && !chunked { keepAlive = false }
      ending.keepAlive = keepAlive
      write(head: response, length.map { .length($0) } ?? (chunked ? .chunked : .untilClose), keepAlive: keepAlive)
      // A stream may last for long, and there may be thousands: what the request was read into goes now.
      reader.input.releaseIfEmpty()
      let stream = StreamedAnswer(
        length: length, isChunked: chunked, heartbeat: response.heartbeat, observers: response.observers,
        produce: produce)
      if length == nil {
        goOn(with: reader) { [self, ending] in await serve(stream, ending, $0) }
        return .elsewhere
      }
      guard await send(stream, &ending) else { return .over }
    case .upgrade: break
    }
    return await finish(ending, reader)
  }

  /// Ends an answer whose bytes are all written.
  func finish(_ ending: AnswerEnding, _ last: consuming StreamReader) async -> Continuation {
    var reader = last
    var keepAlive = ending.keepAlive
    let body = ending.exchange.request.body
    defer { body.releaseBuffered() }
    writer.setNeedsFlush()
    ending.exchange.finish(ending.status, bytes: ending.bytes, failed: false)
    if keepAlive, ending.rest == .small { keepAlive = await skipRest(of: body, &reader) }
    if !keepAlive {
      if !body.isEndedOnWire { await linger(&reader) }
      return .over
    }
    // Pipelined requests are answered without waiting for the socket until too much output has gathered.
    if socket.unsentCount > StreamSocket.outputBytesMax {
      guard (try? await writer.drained()) != nil else { return .over }
    }
    if socket.isClosed { return .over }
    return .next(reader)
  }

  /// Goes on with the connection in a task of its own. What the handler of the request was called through has taken
  /// tens of kilobytes of this task's memory, which only its end gives back; streams last for hours.
  func goOn(
    with reader: consuming StreamReader, _ body: @escaping @Sendable (consuming StreamReader) async -> Void
  ) {
    parked = .some(consume reader)
    scratch = []
    let isCancelled = Task.isCancelled
    task = socket.loop.task { [self] in
      guard let reader = parked.take() else { return }
      await body(reader)
    }
    if isCancelled { task?.cancel() }
  }

  /// What an answer to HEAD says about the body that it leaves out.
  private func framing(of body: HTTPResponse.Body) -> BodyFraming? {
    switch body {
    case .bytes(let bytes): .length(UInt64(bytes.count))
    case .stream(.some(let length), _): .length(length)
    case .empty: BodyFraming.none
    case .stream(.none, _), .upgrade: nil
    }
  }

  func write(
    head response: HTTPResponse, _ framing: BodyFraming?, keepAlive: Bool, connection: StaticString? = nil
  ) {
    let date = shard.dateValue()
    appendHead { bytes in
      ResponseHeadWriter.append(
        status: response.status, headers: response.headers, framing: framing ?? .none, keepAlive: keepAlive, date: date,
        connection: connection, omitsFraming: framing == nil, to: &bytes)
    }
  }

  // MARK: The rest of a body that was not read

  enum Rest {
    /// Nothing is left.
    case none
    /// Little, and it is known how much: the connection can go on behind it.
    case small
    /// Where the next request would begin cannot be known, or it is too far.
    case unknown
  }

  private func restOfBody(_ body: HTTPRequestBody, _ reader: inout StreamReader) -> Rest {
    if body.isEndedOnWire { return .none }
    // A client that was never asked to continue may or may not send its body.
    if body.awaitsContinue { return .unknown }
    guard body.skip(&reader) else { return .unknown }
    if body.isEndedOnWire { return .none }
    return body.remaining ?? .max <= ServerConnection.skippedBytesMax ? .small : .unknown
  }

  /// Skips a small rest after the answer. Returns whether its end was reached.
  private func skipRest(of body: HTTPRequestBody, _ reader: inout StreamReader) async -> Bool {
    let deadline = socket.loop.now &+ ServerConnection.lingerNanoseconds
    while !body.isEndedOnWire {
      let pause = socket.loop.now &+ ServerConnection.lingerPauseNanoseconds
      guard let more = try? await reader.fill(until: min(deadline, pause)), more, body.skip(&reader) else {
        return false
      }
    }
    return true
  }

  // MARK: Ending

  private func closeGently() async {
    writer.setNeedsFlush()
    _ = try? await writer.flushed()
    socket.close()
  }

  /// Sends what is buffered and our end, then swallows what the client still sends: closing with unread input would
  /// reset the connection and destroy the answer on its way.
  private func linger(_ reader: inout StreamReader) async {
    writer.setNeedsFlush()
    guard (try? await writer.flushed()) != nil else { return }
    writer.shutdownSending()
    isIdle = true
    if shard.isDraining { return socket.close() }
    let deadline = socket.loop.now &+ ServerConnection.lingerNanoseconds
    var swallowed = reader.input.count
    reader.input.consume(swallowed)
    while swallowed < ServerConnection.lingerBytesMax {
      let pause = socket.loop.now &+ ServerConnection.lingerPauseNanoseconds
      guard let more = try? await reader.fill(until: min(deadline, pause)), more else { break }
      swallowed &+= reader.input.count
      reader.input.consume(reader.input.count)
    }
    socket.close()
  }
}
