internal import HTTPWire
internal import Primitives
internal import Reactor
internal import SystemSources
internal import Telemetry

/// One request and its answer over a plain HTTP/1.1 connection of the reactor.
enum PlainHTTPExchange {
  /// Sends the request and reads the answer's head. A connection that was kept and turns out to be dead is replaced
  /// once when that is safe: nothing of the answer has arrived and the request may be repeated.
  static func send(_ request: HTTPClientRequest, through pool: ClientConnectionPool) async throws -> HTTPClientResponse
  {
    guard let loop = EventLoop.current else { throw HTTPClientError(.cannotConnect, reason: "called off a loop") }
    let deadline = MonotonicClock.now() &+ UInt64(clamping: request.timeout.nanoseconds)
    var fresh = false
    while true {
      let connectBy = MonotonicClock.now() &+ UInt64(clamping: request.connectTimeout.nanoseconds)
      let (connection, reused) = try await pool.acquire(
        deadline: min(deadline, connectBy), fresh: fresh, isRepeatable: request.isIdempotent)
      let attempt = Attempt(connection: connection, pool: pool, loop: loop)
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
  private let connection: ClientConnection
  private let pool: ClientConnectionPool
  private let loop: EventLoop
  private var isOver = false
  private var upload: RequestUpload?
  private let receivedBefore: UInt64
  private let sentBefore: UInt64

  private var socket: StreamSocket { connection.socket }

  init(connection: ClientConnection, pool: ClientConnectionPool, loop: EventLoop) {
    self.connection = connection
    self.pool = pool
    self.loop = loop
    receivedBefore = connection.socket.bytesReceived
    sentBefore = connection.socket.bytesSent
  }

  /// A byte of the request has left: the server may act on it.
  var wasSent: Bool { socket.bytesSent != sentBefore }

  /// The connection ended without one byte of an answer, as an idle connection does that the server had closed.
  var diedSilently: Bool { socket.bytesReceived == receivedBefore && hasEnded }
  private var hasEnded = false

  func run(_ request: HTTPClientRequest, deadline: UInt64) async throws -> HTTPClientResponse {
    return try await withTaskCancellationHandler {
      try await exchange(request, deadline: deadline)
    } onCancel: {
      loop.execute { self.abandon() }
    }
  }

  func abandon() {
    guard !isOver else { return }
    isOver = true
    pool.discard(connection)
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

  private func exchange(_ request: HTTPClientRequest, deadline: UInt64) async throws -> HTTPClientResponse {
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
    guard var reader = connection.reader.take() else { throw ReactorError(.busy, operation: "response") }
    connection.writer.write(head)
    switch request.body {
    case .none: break
    case .bytes(let bytes): connection.writer.write(bytes)
    case .stream(let length, let source):
      // A server may answer before it has the whole body (a refusal): sending and reading go on together.
      let upload = RequestUpload(connection, length: length, source: source)
      self.upload = upload
      upload.start()
    }
    let answer: Result<ResponseHead, any Error>
    do { answer = .success(try await readHead(&reader, request, deadline)) } catch { answer = .failure(error) }
    connection.reader = consume reader
    return try await finish(answer, request)
  }

  private func finish(
    _ answer: Result<ResponseHead, any Error>, _ request: HTTPClientRequest
  ) async throws -> HTTPClientResponse {
    switch answer {
    case .failure(let error):
      // Whoever called must not find the source of the body in use any more.
      await upload?.end()
      throw upload?.sourceFailure ?? error
    case .success(let head):
      upload?.isAnswered = true
      // Who refuses before the end of the body does not want the rest.
      if let upload, !upload.isComplete, head.status.code >= 300 { await upload.end() }
      if isOver { throw CancellationError() }
      isOver = true
      return HTTPClientResponse(
        status: head.status, headers: head.headers,
        body: PlainHTTPBody(
          connection: connection, pool: pool, head: head, pauseMax: request.pauseMax, upload: upload))
    }
  }

  private func readHead(
    _ reader: inout StreamReader, _ request: HTTPClientRequest, _ deadline: UInt64
  ) async throws -> ResponseHead {
    let timeout = UInt64(clamping: request.timeout.nanoseconds)
    var parser = ResponseHeadParser(requestMethod: request.method)
    while true {
      if !reader.input.isEmpty, let (head, consumed) = try parser.parse(reader.input.readable) {
        reader.input.consume(consumed)
        if head.status.isInformational {
          parser = ResponseHeadParser(requestMethod: request.method)
          continue
        }
        return head
      }
      let limit = max(deadline, upload?.deadline(timeout) ?? 0)
      do {
        guard try await reader.fill(until: limit) else {
          hasEnded = true
          throw ReactorError(.peerClosed, operation: "response")
        }
      } catch let error as ReactorError where error.code == .timedOut {
        if max(deadline, upload?.deadline(timeout) ?? 0) > MonotonicClock.now() { continue }
        throw error
      } catch let error as ReactorError where error.code == .interrupted {
        // The source of the body failed; what the server has said until then counts more.
        if let failure = upload?.sourceFailure { throw failure }
      } catch let error as ReactorError {
        hasEnded = error.code == .peerClosed
        throw error
      }
    }
  }
}
