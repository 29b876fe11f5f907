public import HTTPWire
internal import Reactor

/// Sends the pieces of a streamed body. Every write waits while the client is slower than its producer.
///
/// It cannot be copied and is lent to the producer for the time of its run, so a body has one writer at a time.
public struct HTTPResponseWriter: ~Copyable, Sendable {
  private let connection: ServerConnection
  private let isChunked: Bool

  init(connection: ServerConnection, isChunked: Bool) {
    self.connection = connection
    self.isChunked = isChunked
  }

  /// Sends a piece. Throws `ReactorError` when the client is gone or takes nothing.
  public mutating func write(_ bytes: [UInt8]) async throws {
    guard !bytes.isEmpty else { return }
    if let failure = connection.writer.failure { throw failure }
    if isChunked {
      connection.appendHead { ChunkedEncoder.appendHead(bytes.count, to: &$0) }
      connection.writer.output.append(bytes)
      connection.appendHead { $0 += [13, 10] }
    } else {
      connection.writer.output.append(bytes)
    }
    try await appended(bytes.count)
  }

  /// Sends a piece that goes to others too. Throws `ReactorError` when the client is gone or takes nothing.
  public mutating func write(_ piece: SharedPiece) async throws {
    if let failure = connection.writer.failure { throw failure }
    if isChunked { connection.writer.output.append(piece.chunk) } else { connection.writer.output.append(piece.bytes) }
    try await appended(piece.count)
  }

  /// Has what was appended sent, and waits for a slow client.
  private func appended(_ count: Int) async throws {
    connection.bodyBytes &+= UInt64(count)
    connection.writer.setNeedsFlush()
    connection.writer.watchProgress()
    guard connection.socket.unsentCount > StreamSocket.outputBytesMax else { return }
    try await connection.writer.drained()
  }

  /// Sends all of the body and waits until the kernel has it. Throws when the client has gone before: what it was to
  /// get has not reached it as a whole.
  public mutating func deliver(_ bytes: [UInt8]) async throws {
    if isClientGone { throw ReactorError(.peerClosed, operation: "answer") }
    try await write(bytes)
    flush()
    try await connection.writer.flushed()
  }

  /// The bytes as one piece of the body on the wire.
  func framed(_ bytes: [UInt8]) -> [UInt8] {
    guard isChunked, !bytes.isEmpty else { return bytes }
    var framed: [UInt8] = []
    ChunkedEncoder.appendHead(bytes.count, to: &framed)
    framed += bytes
    framed += [13, 10]
    return framed
  }

  /// Sends what was written at once, where it would leave with the end of the loop's turn: for the first words of a
  /// stream whose others follow on their heels.
  public func flush() { connection.writer.flushNow() }

  /// The way to this body for somebody else, while its producer waits.
  public var outlet: ResponseOutlet { ResponseOutlet(connection: connection, isChunked: isChunked) }

  /// The answer that this is the body of.
  public var answer: SentAnswer { SentAnswer(connection: connection) }

  /// Whether the client has closed its side or the connection failed: stop producing.
  public var isClientGone: Bool { connection.socket.peerClosed || connection.writer.failure != nil }

  /// Sends an event; waits while the client is slow. Throws `ReactorError` when the client is gone.
  public mutating func send(_ event: ServerSentEvent) async throws {
    var bytes: [UInt8] = []
    event.append(to: &bytes)
    try await write(bytes)
  }

  /// Sends a comment of an event stream.
  public mutating func comment(_ text: String) async throws {
    var bytes: [UInt8] = []
    ServerSentEvent.appendComment(text, to: &bytes)
    try await write(bytes)
  }
}

/// Is notified when a body that is produced while it is sent (or an upgrade) begins and ends. A wrapper around the
/// producer would do the same and cost each of thousands of open streams a frame. An answer whose client goes before it
/// begins only lets its observers go.
public protocol BodyObserver: AnyObject, Sendable {
  /// The producer is about to run; on the loop of the connection.
  func bodyBegins(_ answer: SentAnswer)
  /// The producer has ended, however; on the loop of the connection.
  func bodyEnded()
}

/// An answer that is being sent, for whoever may have to end it.
public struct SentAnswer: Sendable {
  let connection: ServerConnection

  /// Ends the answer where it is, with its connection; the producer is cancelled. Can be called anywhere, and again.
  /// `isOpen` is asked on the loop of the connection, on which the producer ends: when it has, the connection may have
  /// gone on with another request, and nothing is done.
  public func abort(if isOpen: @escaping @Sendable () -> Bool) {
    connection.socket.loop.execute { if isOpen() { connection.abort() } }
  }
}
