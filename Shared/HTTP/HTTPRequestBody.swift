internal import HTTPWire
internal import Reactor

/// The body of a request, pulled piece by piece, so that a sender is never faster than its reader.
///
/// `@unchecked Sendable`: confined to the loop of its connection.
public final class HTTPRequestBody: @unchecked Sendable {
  private enum State {
    /// This many bytes of a body with known length are still to come.
    case length(UInt64)
    /// Inside a chunked body.
    case chunked(ChunkedDecoder)
    /// The last byte was delivered.
    case ended
  }

  /// Time that a sender always has, before the least rate counts.
  private static let graceNanoseconds: UInt64 = 15_000_000_000
  /// A sender must deliver at least this, on average: slower is an attack or a dead link.
  private static let bytesPerSecondMin: UInt64 = 1024

  let socket: StreamSocket
  private var state: State
  private let bytesMax: Int
  private var bytesReceived = 0
  private var startedAt: UInt64 = 0
  /// The client waits for `100 Continue`; sent when the body is first read.
  private(set) var awaitsContinue: Bool

  init(socket: StreamSocket, head: RequestHead, bytesMax: Int) {
    self.socket = socket
    self.bytesMax = bytesMax
    awaitsContinue = head.expectsContinue
    switch head.framing {
    case .none, .untilClose, .length(0):
      state = .ended
      awaitsContinue = false
    case .length(let count): state = .length(count)
    case .chunked: state = .chunked(ChunkedDecoder())
    }
  }

  /// The length if the client declared it.
  public var declaredLength: UInt64? {
    switch state {
    case .length(let count): count
    case .ended: 0
    case .chunked: nil
    }
  }

  /// Whether every byte was delivered.
  public var isEnded: Bool {
    if case .ended = state { true } else { false }
  }

  /// The next piece, `nil` after the last. Throws `Problem` (413 over the limit, 400 for bad framing, 408 for a sender
  /// that is too slow) or `ReactorError` when the client is gone.
  public func next() async throws -> [UInt8]? {
    while true {
      switch state {
      case .ended: return nil
      case .length(let remaining):
        try checkLimit(adding: remaining)
        if socket.input.isEmpty { break }
        let piece = socket.input.take(Int(min(remaining, UInt64(socket.input.count))))
        bytesReceived += piece.count
        state = remaining == UInt64(piece.count) ? .ended : .length(remaining - UInt64(piece.count))
        return piece
      case .chunked(var decoder):
        if socket.input.isEmpty { break }
        if let piece = try decodePiece(&decoder) { return piece }
        if case .ended = state { return nil }
      }
      try await receive()
    }
  }

  /// The whole body. Throws as `next` does.
  public func collect() async throws -> [UInt8] {
    if case .length(let remaining) = state, bytesReceived == 0 {
      try checkLimit(adding: remaining)
      while socket.input.count < Int(remaining) { try await receive() }
      bytesReceived = Int(remaining)
      state = .ended
      let whole = socket.input.take(Int(remaining))
      // The answer may take minutes; thousands that wait need no buffers.
      socket.input.releaseIfEmpty()
      return whole
    }
    var whole: [UInt8] = []
    while let piece = try await next() {
      if whole.isEmpty { whole = piece } else { whole += piece }
    }
    return whole
  }

  /// Reads on and throws away at most `bytesMax` bytes, so that the connection can be used again. Returns whether the
  /// end was reached.
  func discard(atMost bytesMax: Int) async -> Bool {
    if isEnded { return true }
    if awaitsContinue { return false }
    var discarded = 0
    while discarded <= bytesMax {
      guard let piece = try? await next() else { return isEnded }
      discarded += piece.count
    }
    return false
  }

  private func decodePiece(_ decoder: inout ChunkedDecoder) throws -> [UInt8]? {
    var piece: [UInt8]?
    do {
      while piece == nil, !socket.input.isEmpty {
        let bytes = socket.input.readable
        let step = try decoder.next(bytes)
        switch step.event {
        case .data(let range):
          piece = [UInt8](UnsafeRawBufferPointer(rebasing: bytes[range]))
          bytesReceived += range.count
          try checkLimit(adding: 0)
        case .needMore:
          socket.input.consume(step.consumed)
          state = .chunked(decoder)
          return nil
        case .end:
          socket.input.consume(step.consumed)
          state = .ended
          return nil
        }
        socket.input.consume(step.consumed)
      }
    } catch let error as HTTPWireError {
      throw Problem(error.status, code: error.code.rawValue, error.message)
    }
    state = .chunked(decoder)
    return piece
  }

  private func checkLimit(adding more: UInt64) throws(Problem) {
    guard UInt64(bytesReceived) + more > UInt64(bytesMax) else { return }
    throw Problem(
      .contentTooLarge, code: "body_too_large", "The body is larger than \(bytesMax) bytes, the limit of this address.")
  }

  private func receive() async throws {
    if awaitsContinue {
      awaitsContinue = false
      socket.write(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8))
    }
    if startedAt == 0 { startedAt = socket.loop.now }
    socket.deadline =
      startedAt + HTTPRequestBody.graceNanoseconds
      + UInt64(bytesReceived + socket.input.count) * 1_000_000_000 / HTTPRequestBody.bytesPerSecondMin
    let before = socket.deadline
    guard try await socket.fill() else { throw ReactorError(.peerClosed, operation: "request body") }
    if socket.deadline == before { socket.deadline = 0 }
  }
}
