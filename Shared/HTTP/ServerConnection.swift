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
  private var task: Task<Void, any Error>?
  private var cancelsOnDisconnect = false

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
    if var reader = socket.takeReader() {
      while let head = await nextHead(&reader) {
        guard let back = await answer(head, reader) else {
          await end()
          return
        }
        reader = back
      }
    }
    await end()
  }

  private func end() async {
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

  /// Answers one request; returns the reader when the connection goes on.
  private func answer(_ head: RequestHead, _ reader: consuming StreamReader) async -> StreamReader? {
    let exchange = shard.begin(head, self, reader)
    cancelsOnDisconnect = exchange.options.cancelsOnDisconnect
    if cancelsOnDisconnect, socket.peerClosed { task?.cancel() }
    var response = await exchange.respond()
    exchange.describeTrace(&response)
    shard.configuration.edge?.complete(&response, to: head)
    cancelsOnDisconnect = false
    let body = exchange.request.body
    defer { body.releaseBuffered() }
    requestsServed &+= 1
    // From here on nobody but this connection reads, whatever the handler has left running.
    guard var reader = await body.revoke() else {
      socket.close()
      return nil
    }

    if case .upgrade(let serve) = response.body {
      if body.isEndedOnWire {
        await upgrade(response, serve, exchange, reader)
        return nil
      }
      response = exchange.told(
        Problem(.upgradeWithBody, "A request for an upgrade cannot have a body."))
    }
    let rest = restOfBody(body, &reader)
    var keepAlive = head.keepAlive && !shard.isDraining && rest != .unknown
    if head.method == .head {
      write(head: response, framing(of: response.body), keepAlive: keepAlive)
      response.body = .upgrade { _ in }
    }
    var bytesSent: UInt64 = 0
    switch response.body {
    case .empty: write(head: response, BodyFraming.none, keepAlive: keepAlive)
    case .bytes(let bytes):
      write(head: response, .length(UInt64(bytes.count)), keepAlive: keepAlive)
      writer.output.append(bytes)
      bytesSent = UInt64(bytes.count)
    case .stream(let length, let produce):
      let chunked = length == nil && head.version == .http11
      if length == nil && !chunked { keepAlive = false }
      write(head: response, length.map { .length($0) } ?? (chunked ? .chunked : .untilClose), keepAlive: keepAlive)
      // A stream may last for long, and there may be thousands: what the request was read into goes now.
      reader.input.releaseIfEmpty()
      let (sent, isComplete) = await stream(response, length, chunked: chunked, produce)
      bytesSent = sent
      guard isComplete else {
        exchange.finish(response.status, bytes: sent, failed: true)
        return nil
      }
    case .upgrade: break
    }
    writer.setNeedsFlush()
    exchange.finish(response.status, bytes: bytesSent, failed: false)
    if keepAlive, rest == .small { keepAlive = await skipRest(of: body, &reader) }
    if !keepAlive {
      if !body.isEndedOnWire { await linger(&reader) }
      return nil
    }
    // Pipelined requests are answered without waiting for the socket until too much output has gathered.
    if socket.unsentCount > StreamSocket.outputBytesMax {
      guard (try? await writer.drained()) != nil else { return nil }
    }
    if socket.isClosed { return nil }
    return reader
  }

  /// Runs the producer of a body. Returns how much was written and whether the body is complete.
  private func stream(
    _ response: HTTPResponse, _ length: UInt64?, chunked: Bool,
    _ produce: @Sendable (inout HTTPResponseWriter) async throws -> Void
  ) async -> (UInt64, Bool) {
    writer.setNeedsFlush()
    cancelsOnDisconnect = true
    defer { cancelsOnDisconnect = false }
    if socket.peerClosed { task?.cancel() }
    var body = HTTPResponseWriter(connection: self, isChunked: chunked)
    if let heartbeat = response.heartbeat, length == nil {
      writer.fillPauses(with: body.framed(heartbeat.bytes), after: heartbeat.pause)
    }
    defer { writer.endFilling() }
    do {
      try await produce(&body)
      if let length, body.count != length { throw ReactorError(.closed, operation: "body shorter than its length") }
      if chunked { appendHead { ChunkedEncoder.appendEnd(to: &$0) } }
      return (body.count, true)
    } catch {
      // The head is out: the only honest sign of an incomplete body is a connection that ends without its last chunk.
      return (body.count, false)
    }
  }

  private func upgrade(
    _ response: HTTPResponse, _ serve: @Sendable (consuming UpgradedConnection) async -> Void, _ exchange: Exchange,
    _ reader: consuming StreamReader
  ) async {
    write(head: response, nil, keepAlive: true, connection: "upgrade")
    writer.setNeedsFlush()
    exchange.finish(response.status, bytes: 0, failed: false)
    cancelsOnDisconnect = true
    await serve(UpgradedConnection(connection: self, reader: reader))
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

  private func write(
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

  private enum Rest {
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
