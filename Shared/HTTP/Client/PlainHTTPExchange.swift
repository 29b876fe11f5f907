internal import HTTPWire
internal import Primitives
internal import Reactor
internal import Telemetry

/// One request and its answer over a plain HTTP/1.1 connection of the reactor.
enum PlainHTTPExchange {
  /// Sends the request and reads the answer's head. A connection that was kept and turns out to be dead is replaced
  /// once when that is safe: nothing of the answer has arrived and the request may be repeated.
  static func send(_ request: HTTPClientRequest, through pool: ClientConnectionPool) async throws -> HTTPClientResponse
  {
    guard let loop = EventLoop.current else { preconditionFailure("HTTP client off a loop") }
    let deadline = MonotonicClock.now() &+ UInt64(clamping: request.timeout.nanoseconds)
    var fresh = false
    while true {
      let connectBy = MonotonicClock.now() &+ UInt64(clamping: request.connectTimeout.nanoseconds)
      let (socket, reused) = try await pool.acquire(deadline: min(deadline, connectBy), fresh: fresh)
      let attempt = Attempt(socket: socket, pool: pool, loop: loop)
      do {
        return try await attempt.run(request, deadline: deadline)
      } catch {
        attempt.abandon()
        if error is CancellationError || Task.isCancelled { throw CancellationError() }
        let repeatable = request.isIdempotent || !attempt.wasSent
        if reused, attempt.diedSilently, repeatable, !request.body.isStream {
          fresh = true
          continue
        }
        throw attempt.describe(error)
      }
    }
  }
}

extension HTTPClientRequest.Body {
  var isStream: Bool { if case .stream = self { true } else { false } }

  var framing: BodyFraming {
    switch self {
    case .none: .none
    case .bytes(let bytes): .length(UInt64(bytes.count))
    case .stream(let length, _): length.map { .length($0) } ?? .chunked
    }
  }
}

/// One try of one request on one connection.
///
/// `@unchecked Sendable`: confined to its loop.
private final class Attempt: @unchecked Sendable {
  private let socket: StreamSocket
  private let pool: ClientConnectionPool
  private let loop: EventLoop
  private var isOver = false
  private(set) var wasSent = false
  /// A streamed request body is still on its way: the connection cannot serve another exchange yet.
  private var isSending = false
  /// The caller's own body source failed; that is what the caller is told.
  private var sourceFailure: (any Error)?
  private let receivedBefore: UInt64

  init(socket: StreamSocket, pool: ClientConnectionPool, loop: EventLoop) {
    self.socket = socket
    self.pool = pool
    self.loop = loop
    receivedBefore = socket.bytesReceived
  }

  /// The connection ended without one byte of an answer, as an idle connection does that the server had closed.
  var diedSilently: Bool {
    socket.bytesReceived == receivedBefore && socket.failure?.code != .timedOut
  }

  func run(_ request: HTTPClientRequest, deadline: UInt64) async throws -> HTTPClientResponse {
    socket.deadline = deadline
    return try await withTaskCancellationHandler {
      try await exchange(request)
    } onCancel: {
      loop.execute { self.abandon() }
    }
  }

  func abandon() {
    guard !isOver else { return }
    isOver = true
    pool.discard(socket)
  }

  func describe(_ error: any Error) -> any Error {
    switch error {
    case let error as HTTPClientError: error
    case let error as ReactorError where error.code == .timedOut:
      HTTPClientError(.timedOut, outcomeUnknown: wasSent)
    case let error as ReactorError:
      HTTPClientError(.connectionLost, outcomeUnknown: wasSent, reason: error.description)
    case let error as HTTPWireError:
      HTTPClientError(.protocolViolation, outcomeUnknown: true, reason: error.message)
    default: error
    }
  }

  private func exchange(_ request: HTTPClientRequest) async throws -> HTTPClientResponse {
    var head: [UInt8] = []
    head.reserveCapacity(512)
    try RequestHeadWriter.append(
      method: request.method, target: request.url.target, host: request.url.authority, headers: request.headers,
      framing: request.body.framing, to: &head)
    if let trace = request.trace {
      head.removeLast(2)
      trace.appendHeaders(to: &head)
      head += [13, 10]
    }
    socket.write(head)
    if case .bytes(let bytes) = request.body { socket.write(bytes) }
    wasSent = true
    // A server may answer before it has the whole body (a refusal): sending and reading go on together.
    guard case .stream(let length, let pull) = request.body else {
      return try await readHead(request.method, pauseMax: request.pauseMax)
    }
    isSending = true
    let sender = loop.task { [self] in try await send(pull, chunked: length == nil) }
    do {
      return try await readHead(request.method, pauseMax: request.pauseMax)
    } catch {
      sender.cancel()
      if let sourceFailure { throw sourceFailure }
      throw error
    }
  }

  private func send(_ pull: @Sendable () async throws -> [UInt8]?, chunked: Bool) async throws {
    while true {
      let next: [UInt8]?
      do {
        next = try await pull()
      } catch {
        sourceFailure = error
        socket.close()
        throw error
      }
      guard let piece = next else { break }
      if piece.isEmpty { continue }
      if chunked {
        var size: [UInt8] = []
        ChunkedEncoder.appendHead(piece.count, to: &size)
        socket.write(size)
      }
      socket.write(piece)
      if chunked { socket.write([13, 10]) }
      try await socket.drained()
    }
    if chunked {
      var end: [UInt8] = []
      ChunkedEncoder.appendEnd(to: &end)
      socket.write(end)
    }
    isSending = false
  }

  private func readHead(_ method: HTTPMethod, pauseMax: Duration) async throws -> HTTPClientResponse {
    var parser = ResponseHeadParser(requestMethod: method)
    while true {
      if !socket.input.isEmpty, let (head, consumed) = try parser.parse(socket.input.readable) {
        socket.input.consume(consumed)
        if head.status.isInformational {
          parser = ResponseHeadParser(requestMethod: method)
          continue
        }
        isOver = true
        return HTTPClientResponse(
          status: head.status, headers: head.headers,
          body: PlainHTTPBody(
            socket: socket, pool: pool, head: head, pauseMax: pauseMax, isSending: { [self] in isSending }))
      }
      guard try await socket.fill() else { throw ReactorError(.peerClosed, operation: "response") }
    }
  }
}
