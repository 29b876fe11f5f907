internal import HTTPWire
internal import Primitives
internal import Reactor
internal import SystemSources

/// Sends the streamed body of a request while its answer is awaited: a server may answer before it has everything.
///
/// `@unchecked Sendable`: confined to the loop of its connection.
final class RequestUpload: @unchecked Sendable {
  typealias Source = @Sendable () async throws -> [UInt8]?

  private let connection: ClientConnection
  private let length: UInt64?
  private let source: Source
  private var task: Task<Void, any Error>?
  private var isStopped = false
  private var sent: UInt64 = 0
  /// The source is being asked for the next piece.
  private(set) var isPulling = false
  /// The head of the answer is there: what the source does is of no consequence for it any more.
  var isAnswered = false
  /// Everything was written.
  private(set) var isComplete = false
  /// The source failed before there was an answer; that is the error of the call.
  private(set) var sourceFailure: (any Error)?
  /// When a piece was written last; the time for the answer counts from there.
  private(set) var progressAt: UInt64

  init(_ connection: ClientConnection, length: UInt64?, source: @escaping Source) {
    self.connection = connection
    self.length = length
    self.source = source
    progressAt = connection.socket.loop.now
  }

  /// Until when the server has to answer: its time begins with the last piece, and stands still while the source of the
  /// body is waited for.
  func deadline(_ timeout: UInt64) -> UInt64 {
    (isPulling ? MonotonicClock.now() : progressAt) &+ timeout
  }

  func start() {
    task = connection.socket.loop.task { [self] in await send() }
  }

  /// Asks the sender to end: what it has not sent is dropped, and the source is cancelled.
  func stop() {
    guard !isStopped else { return }
    isStopped = true
    if !isComplete { connection.socket.dropOutput() }
    task?.cancel()
  }

  /// Ends the sender and waits until it is gone: nobody pulls from the source, or writes, any more.
  func end() async {
    stop()
    _ = await task?.result
  }

  private func send() async {
    while !isStopped {
      let next: [UInt8]?
      isPulling = true
      do {
        next = try await source()
        isPulling = false
      } catch {
        isPulling = false
        fail(error)
        return
      }
      if isStopped { return }
      guard let piece = next else {
        complete()
        return
      }
      if piece.isEmpty { continue }
      guard write(piece) else { return }
      guard (try? await connection.writer.drained()) != nil else { return }
      progressAt = connection.socket.loop.now
    }
  }

  private func write(_ piece: [UInt8]) -> Bool {
    sent &+= UInt64(piece.count)
    if let length {
      guard sent <= length else {
        fail(HTTPClientError(.protocolViolation, reason: "the request's body is longer than announced"))
        return false
      }
    } else {
      var size: [UInt8] = []
      ChunkedEncoder.appendHead(piece.count, to: &size)
      connection.writer.write(size)
    }
    connection.writer.write(piece)
    if length == nil { connection.writer.write([13, 10]) }
    return true
  }

  private func complete() {
    if let length {
      guard sent == length else {
        return fail(HTTPClientError(.protocolViolation, reason: "the request's body is shorter than announced"))
      }
    } else {
      var end: [UInt8] = []
      ChunkedEncoder.appendEnd(to: &end)
      connection.writer.write(end)
    }
    isComplete = true
  }

  /// Without the rest the request cannot be completed. An answer that is on its way already is not disturbed.
  private func fail(_ error: any Error) {
    guard !isStopped else { return }
    isStopped = true
    if isAnswered { return }
    sourceFailure = error
    connection.socket.interruptRead()
  }
}
