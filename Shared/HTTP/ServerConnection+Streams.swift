internal import HTTPWire
internal import Reactor

/// A body that is produced while it is sent.
struct StreamedAnswer: Sendable {
  let length: UInt64?
  let isChunked: Bool
  let heartbeat: Heartbeat?
  let observers: [any BodyObserver]
  let produce: @Sendable (inout HTTPResponseWriter) async throws -> Void
}

/// What is left to be done for an answer once its bytes are written.
struct AnswerEnding: Sendable {
  let exchange: Exchange
  let status: HTTPStatus
  var keepAlive: Bool
  let rest: ServerConnection.Rest
  /// Bytes of the body.
  var bytes: UInt64 = 0
}

/// Answers that last: streamed bodies and upgrades.
extension ServerConnection {
  /// Sends a streamed body, then goes on with the connection.
  func serve(_ stream: StreamedAnswer, _ ending: AnswerEnding, _ reader: consuming StreamReader) async {
    var ending = ending
    guard await send(stream, &ending) else { return await end() }
    switch await finish(ending, reader) {
    case .next(let back): await serve(back)
    case .over: await end()
    case .elsewhere: break
    }
  }

  /// Runs the producer of a body. Returns whether the body is complete; one that is not is the end of its answer.
  func send(_ stream: StreamedAnswer, _ ending: inout AnswerEnding) async -> Bool {
    let isComplete: Bool
    (ending.bytes, isComplete) = await run(stream)
    guard !isComplete else { return true }
    ending.exchange.finish(ending.status, bytes: ending.bytes, failed: true)
    ending.exchange.request.body.releaseBuffered()
    return false
  }

  /// Returns how much was written and whether the body is complete.
  private func run(_ stream: StreamedAnswer) async -> (UInt64, Bool) {
    writer.setNeedsFlush()
    cancelsOnDisconnect = true
    defer { cancelsOnDisconnect = false }
    if socket.peerClosed { task?.cancel() }
    bodyBytes = 0
    var body = HTTPResponseWriter(connection: self, isChunked: stream.isChunked)
    if let heartbeat = stream.heartbeat, stream.length == nil {
      writer.fillPauses(with: body.framed(heartbeat.bytes), after: heartbeat.pause)
    }
    for observer in stream.observers { observer.bodyBegins(body.answer) }
    defer {
      writer.endFilling()
      for observer in stream.observers { observer.bodyEnded() }
    }
    do {
      try await stream.produce(&body)
      if let length = stream.length, bodyBytes != length {
        throw ReactorError(.closed, operation: "body shorter than its length")
      }
      if stream.isChunked { appendHead { ChunkedEncoder.appendEnd(to: &$0) } }
      return (bodyBytes, true)
    } catch {
      // The head is out: the only honest sign of an incomplete body is a connection that ends without its last chunk.
      return (bodyBytes, false)
    }
  }

  /// Answers with 101 and hands the connection over.
  func upgrade(
    _ response: HTTPResponse, _ serve: @escaping @Sendable (consuming UpgradedConnection) async -> Void,
    _ exchange: Exchange, _ reader: consuming StreamReader
  ) {
    write(head: response, nil, keepAlive: true, connection: "upgrade")
    writer.setNeedsFlush()
    exchange.finish(response.status, bytes: 0, failed: false)
    exchange.request.body.releaseBuffered()
    let observers = response.observers
    goOn(with: reader) { [self] reader in
      cancelsOnDisconnect = true
      if socket.peerClosed { task?.cancel() }
      for observer in observers { observer.bodyBegins(SentAnswer(connection: self)) }
      await serve(UpgradedConnection(connection: self, reader: reader))
      for observer in observers { observer.bodyEnded() }
      await end()
    }
  }
}
