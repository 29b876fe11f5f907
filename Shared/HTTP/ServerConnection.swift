internal import HTTPWire
internal import Primitives
internal import Reactor
internal import Telemetry

/// One client connection: reads requests one after the other, has them answered, writes the answers in order.
///
/// `@unchecked Sendable`: confined to its loop.
final class ServerConnection: @unchecked Sendable {
  /// A body that the handler left unread is thrown away up to this size; beyond it the connection is closed instead.
  private static let discardBytesMax = 64 * 1024
  /// After an early answer the rest of the client's bytes is swallowed this long, so that the answer is not lost in a
  /// reset.
  private static let lingerNanoseconds: UInt64 = 1_000_000_000
  private static let lingerBytesMax = 1 << 20

  let socket: StreamSocket
  private unowned let shard: ServerShard
  private var parser: RequestHeadParser
  private var scratch: [UInt8] = []
  private var requestsServed = 0
  /// Between two requests, with nothing received of the next.
  private(set) var isIdle = true
  private var task: Task<Void, any Error>?
  private var cancelsOnDisconnect = false

  init(socket: StreamSocket, shard: ServerShard) {
    self.socket = socket
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
    scratch.withUnsafeBytes { socket.output.append($0) }
  }

  private func run() async {
    while let head = await nextHead() {
      guard await answer(head) else { break }
    }
    if !socket.isClosed { await closeGently() }
    shard.ended(self)
  }

  // MARK: Reading heads

  /// The next request head, or `nil` when the connection is over.
  private func nextHead() async -> RequestHead? {
    parser = RequestHeadParser(limits: shard.configuration.limits)
    var headStartedAt: UInt64 = 0
    while true {
      do {
        if !socket.input.isEmpty, let (head, consumed) = try parser.parse(socket.input.readable) {
          socket.input.consume(consumed)
          socket.deadline = 0
          isIdle = false
          return head
        }
      } catch {
        await refuse(error)
        return nil
      }
      isIdle = socket.input.isEmpty
      if isIdle {
        if shard.isDraining, requestsServed > 0 { return nil }
        let patience =
          requestsServed == 0 ? shard.configuration.headTimeout : shard.configuration.idleTimeout
        socket.deadline = socket.loop.now &+ UInt64(patience.nanoseconds)
      } else if headStartedAt == 0 {
        headStartedAt = socket.loop.now
        socket.deadline = headStartedAt &+ UInt64(shard.configuration.headTimeout.nanoseconds)
      }
      do {
        guard try await socket.fill() else {
          if !socket.input.isEmpty { shard.metrics.truncated() }
          return nil
        }
      } catch {
        if error.code == .timedOut, !isIdle { shard.metrics.slowClient() }
        return nil
      }
    }
  }

  private func refuse(_ error: HTTPWireError) async {
    shard.metrics.malformed(error)
    let problem = Problem(error.status, code: error.code.rawValue, error.message)
    let response = problem.response(traceID: nil)
    if case .bytes(let bytes) = response.body {
      write(head: response, .length(UInt64(bytes.count)), keepAlive: false)
      socket.output.append(bytes)
    }
    await linger()
  }

  // MARK: Answering

  /// Answers one request; returns whether the connection goes on.
  private func answer(_ head: RequestHead) async -> Bool {
    let exchange = shard.begin(head, socket)
    cancelsOnDisconnect = exchange.options.cancelsOnDisconnect
    if cancelsOnDisconnect, socket.peerClosed { task?.cancel() }
    var response = await exchange.respond()
    cancelsOnDisconnect = false
    let body = exchange.request.body
    requestsServed += 1

    var keepAlive = head.keepAlive && !shard.isDraining
    if case .upgrade(let serve) = response.body {
      return await upgrade(response, serve, exchange)
    }
    if !body.isEnded {
      // A client that was never told to continue may or may not send its body: the connection cannot be understood any
      // more.
      if body.awaitsContinue { keepAlive = false }
      if keepAlive, await !body.discard(atMost: ServerConnection.discardBytesMax) { keepAlive = false }
    }
    if head.method == .head {
      write(head: response, framing(of: response.body), keepAlive: keepAlive)
      response.body = .upgrade { _ in }
    }

    switch response.body {
    case .empty: write(head: response, BodyFraming.none, keepAlive: keepAlive)
    case .bytes(let bytes):
      write(head: response, .length(UInt64(bytes.count)), keepAlive: keepAlive)
      socket.output.append(bytes)
    case .stream(let length, let produce):
      let chunked = length == nil && head.version == .http11
      if length == nil && !chunked { keepAlive = false }
      write(head: response, length.map { .length($0) } ?? (chunked ? .chunked : .untilClose), keepAlive: keepAlive)
      socket.setNeedsFlush()
      cancelsOnDisconnect = true
      if socket.peerClosed { task?.cancel() }
      let sentBefore = socket.bytesSent &+ UInt64(socket.output.count)
      do {
        try await produce(HTTPResponseWriter(connection: self, isChunked: chunked))
        cancelsOnDisconnect = false
        if chunked { appendHead { ChunkedEncoder.appendEnd(to: &$0) } }
        let sent = socket.bytesSent &+ UInt64(socket.output.count) &- sentBefore
        if let length, sent != length { throw ReactorError(.closed, operation: "body shorter than its length") }
      } catch {
        // The head is out: the only honest sign of an incomplete body is a connection that ends without its last chunk.
        exchange.finish(response.status, failed: true)
        await closeGently()
        return false
      }
    case .upgrade: break
    }
    socket.setNeedsFlush()
    exchange.finish(response.status, failed: false)
    if !keepAlive {
      await (body.isEnded ? closeGently() : linger())
      return false
    }
    // Pipelined requests are answered without waiting for the socket until too much output has gathered.
    if socket.output.count > StreamSocket.outputBytesMax {
      socket.deadline = socket.loop.now &+ UInt64(shard.configuration.writeTimeout.nanoseconds)
      guard (try? await socket.drained()) != nil else { return false }
    }
    return !socket.isClosed
  }

  private func upgrade(
    _ response: HTTPResponse, _ serve: @Sendable (UpgradedConnection) async -> Void, _ exchange: Exchange
  ) async -> Bool {
    write(head: response, nil, keepAlive: true, connection: "upgrade")
    socket.setNeedsFlush()
    exchange.finish(response.status, failed: false)
    cancelsOnDisconnect = true
    await serve(UpgradedConnection(socket: socket))
    if !socket.isClosed { await closeGently() }
    return false
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

  // MARK: Ending

  private func closeGently() async {
    socket.deadline = socket.loop.now &+ UInt64(shard.configuration.writeTimeout.nanoseconds)
    socket.setNeedsFlush()
    _ = try? await socket.flushed()
    socket.close()
  }

  /// Sends what is buffered and our end, then swallows what the client still sends: closing with unread input would
  /// reset the connection and destroy the answer on its way.
  private func linger() async {
    socket.deadline = socket.loop.now &+ ServerConnection.lingerNanoseconds
    socket.setNeedsFlush()
    guard (try? await socket.flushed()) != nil else { return }
    socket.shutdownSending()
    var swallowed = socket.input.count
    socket.input.consume(swallowed)
    while swallowed < ServerConnection.lingerBytesMax, let more = try? await socket.fill(), more {
      swallowed += socket.input.count
      socket.input.consume(socket.input.count)
    }
    socket.close()
  }
}
