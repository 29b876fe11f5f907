internal import HTTPWire
internal import Primitives
internal import Reactor

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

  private let socket: StreamSocket
  private let pool: ClientConnectionPool
  private let keepAlive: Bool
  private let isSending: () -> Bool
  private let pauseNanoseconds: UInt64
  private var state: State

  init(
    socket: StreamSocket, pool: ClientConnectionPool, head: ResponseHead, pauseMax: Duration,
    isSending: @escaping () -> Bool
  ) {
    self.isSending = isSending
    pauseNanoseconds = UInt64(clamping: pauseMax.nanoseconds)
    self.socket = socket
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
    let (socket, pool) = (socket, pool)
    if socket.loop.isCurrent { pool.discard(socket) } else { socket.loop.execute { pool.discard(socket) } }
  }

  func next(before deadline: UInt64) async throws -> [UInt8]? {
    if case .ended = state { return nil }
    let (socket, loop) = (socket, socket.loop)
    return try await withTaskCancellationHandler {
      try await nextPiece(deadline)
    } onCancel: {
      loop.execute { socket.close() }
    }
  }

  private func nextPiece(_ deadline: UInt64) async throws -> [UInt8]? {
    while true {
      switch state {
      case .ended: return nil
      case .length(let remaining):
        if socket.input.isEmpty { break }
        let piece = socket.input.take(Int(min(remaining, UInt64(socket.input.count))))
        if remaining == UInt64(piece.count) { end() } else { state = .length(remaining - UInt64(piece.count)) }
        return piece
      case .untilClose:
        if socket.input.isEmpty { break }
        return socket.input.take(socket.input.count)
      case .chunked(var decoder):
        if socket.input.isEmpty { break }
        if let piece = try decode(&decoder) { return piece }
        if case .ended = state { return nil }
      }
      try await receive(deadline)
    }
  }

  private func decode(_ decoder: inout ChunkedDecoder) throws -> [UInt8]? {
    var gathered: [UInt8] = []
    do throws(HTTPWireError) {
      while !socket.input.isEmpty {
        let bytes = socket.input.readable
        let step = try decoder.next(bytes)
        if case .data(let range) = step.event { gathered += bytes[range] }
        socket.input.consume(step.consumed)
        if case .end = step.event {
          end()
          return gathered.isEmpty ? nil : gathered
        }
        if case .needMore = step.event { break }
      }
    } catch {
      abandon()
      throw HTTPClientError(.protocolViolation, outcomeUnknown: true, reason: error.message)
    }
    state = .chunked(decoder)
    return gathered.isEmpty ? nil : gathered
  }

  private func receive(_ deadline: UInt64) async throws {
    let now = MonotonicClock.now()
    // A peer that sends framing and nothing else must not carry its reader over the deadline.
    guard now < deadline else {
      abandon()
      throw HTTPClientError(.timedOut, outcomeUnknown: true)
    }
    socket.deadline = min(deadline, now &+ pauseNanoseconds)
    do {
      if try await socket.fill() { return }
    } catch {
      abandon()
      if Task.isCancelled { throw CancellationError() }
      throw HTTPClientError(
        error.code == .timedOut ? .timedOut : .connectionLost, outcomeUnknown: true, reason: error.description)
    }
    if case .untilClose = state {
      end()
      return
    }
    abandon()
    throw HTTPClientError(.connectionLost, outcomeUnknown: true, reason: "the answer is cut short")
  }

  private func end() {
    state = .ended
    release()
  }

  private func abandon() {
    state = .ended
    pool.discard(socket)
  }

  private func release() {
    if keepAlive, !isSending() { pool.giveBack(socket) } else { pool.discard(socket) }
  }
}
