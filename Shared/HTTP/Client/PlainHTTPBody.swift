internal import HTTPWire
internal import Primitives
internal import Reactor
internal import SystemSources

/// The body of an answer on a reactor connection, which goes back to its pool after the last byte.
///
/// `@unchecked Sendable`: confined to its loop; `deinit` hops there.
final class PlainHTTPBody: HTTPClientBody, @unchecked Sendable {
  private enum State {
    case length(UInt64)
    case chunked(ChunkedDecoder)
    case untilClose
    case ended
  }

  private let connection: ClientConnection
  private let pool: ClientConnectionPool
  private let keepAlive: Bool
  /// The request's own body while it is still being sent.
  private let upload: RequestUpload?
  private let pauseNanoseconds: UInt64
  private var state: State

  init(
    connection: ClientConnection, pool: ClientConnectionPool, head: ResponseHead, pauseMax: Duration,
    upload: RequestUpload?
  ) {
    self.upload = upload
    pauseNanoseconds = UInt64(clamping: pauseMax.nanoseconds)
    self.connection = connection
    self.pool = pool
    keepAlive = head.keepAlive
    switch head.framing {
    case .none, .length(0):
      state = .ended
      release()
    case .length(let count): state = .length(count)
    case .chunked: state = .chunked(ChunkedDecoder())
    case .untilClose: state = .untilClose
    }
  }

  deinit {
    if case .ended = state { return }
    let (connection, pool, upload) = (connection, pool, upload)
    @Sendable func drop() {
      upload?.stop()
      pool.discard(connection)
    }
    if connection.socket.loop.isCurrent { drop() } else { connection.socket.loop.execute { drop() } }
  }

  func next(before deadline: UInt64) async throws -> [UInt8]? {
    if case .ended = state { return nil }
    guard var reader = connection.reader.take() else { throw ReactorError(.busy, operation: "response body") }
    let (socket, loop) = (connection.socket, connection.socket.loop)
    let result: Result<[UInt8]?, any Error>
    do {
      result = .success(
        try await withTaskCancellationHandler {
          try await nextPiece(&reader, deadline)
        } onCancel: {
          loop.execute { socket.close() }
        })
    } catch { result = .failure(error) }
    connection.reader = consume reader
    // Only now is the connection whole again.
    if case .success = result, case .ended = state { release() }
    return try result.get()
  }

  func abandon() {
    // Behind its end the connection is another exchange's.
    if case .ended = state { return }
    connection.socket.close()
  }

  private func nextPiece(_ reader: inout StreamReader, _ deadline: UInt64) async throws -> [UInt8]? {
    while true {
      switch state {
      case .ended: return nil
      case .length(let remaining):
        if reader.input.isEmpty { break }
        let piece = reader.input.take(Int(clamping: min(remaining, UInt64(reader.input.count))))
        let left = remaining &- UInt64(piece.count)
        state = left == 0 ? .ended : .length(left)
        return piece
      case .untilClose:
        if reader.input.isEmpty { break }
        return reader.input.take(reader.input.count)
      case .chunked(var decoder):
        if reader.input.isEmpty { break }
        if let piece = try decode(&decoder, &reader) { return piece }
        if case .ended = state { return nil }
      }
      try await receive(&reader, deadline)
    }
  }

  private func decode(_ decoder: inout ChunkedDecoder, _ reader: inout StreamReader) throws -> [UInt8]? {
    var gathered: [UInt8] = []
    do throws(HTTPWireError) {
      while !reader.input.isEmpty {
        let bytes = reader.input.readable
        let step = try decoder.next(bytes)
        if case .data(let range) = step.event { gathered += bytes[range] }
        reader.input.consume(step.consumed)
        if case .end = step.event {
          state = .ended
          return gathered.isEmpty ? nil : gathered
        }
        if case .needMore = step.event { break }
      }
    } catch {
      discard()
      throw HTTPClientError(.protocolViolation, outcomeUnknown: true, reason: error.message)
    }
    state = .chunked(decoder)
    return gathered.isEmpty ? nil : gathered
  }

  private func receive(_ reader: inout StreamReader, _ deadline: UInt64) async throws {
    let now = MonotonicClock.now()
    // A peer that sends framing and nothing else must not carry its reader over the deadline.
    guard now < deadline else {
      discard()
      throw HTTPClientError(.timedOut, outcomeUnknown: true)
    }
    do {
      if try await reader.fill(until: min(deadline, now &+ pauseNanoseconds)) { return }
    } catch {
      discard()
      if Task.isCancelled { throw CancellationError() }
      throw HTTPClientError(
        error.code == .timedOut ? .timedOut : .connectionLost, outcomeUnknown: true, reason: error.description)
    }
    if case .untilClose = state {
      state = .ended
      return
    }
    discard()
    throw HTTPClientError(.connectionLost, outcomeUnknown: true, reason: "the answer is cut short")
  }

  private func discard() {
    state = .ended
    upload?.stop()
    pool.discard(connection)
  }

  private func release() {
    if keepAlive, upload?.isComplete ?? true { return pool.giveBack(connection) }
    upload?.stop()
    pool.discard(connection)
  }
}
