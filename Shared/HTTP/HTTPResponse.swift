public import HTTPWire
public import JSON
internal import Reactor

/// What a handler answers.
public struct HTTPResponse: Sendable {
  /// How the content is produced.
  public enum Body: Sendable {
    /// No content.
    case empty
    /// All of it, sent with its length.
    case bytes([UInt8])
    /// Produced while it is sent: with `Content-Length` when the length is known, else chunked.
    case stream(length: UInt64?, @Sendable (HTTPResponseWriter) async throws -> Void)
    /// 101: after the head, the socket belongs to the closure until it returns.
    case upgrade(@Sendable (UpgradedConnection) async -> Void)
  }

  /// The status.
  public var status: HTTPStatus
  /// Header fields. `Content-Length`, `Transfer-Encoding`, `Connection` and `Date` are the server's business.
  public var headers: HTTPHeaders
  /// The content.
  public var body: Body

  /// Makes an answer.
  public init(_ status: HTTPStatus, headers: HTTPHeaders = HTTPHeaders(), body: Body = .empty) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  /// A JSON document.
  public static func json(_ status: HTTPStatus = .ok, _ bytes: [UInt8]) -> HTTPResponse {
    var response = HTTPResponse(status, body: .bytes(bytes))
    response.headers.append(.contentType, "application/json")
    return response
  }

  /// A JSON object built in place.
  public static func json(_ status: HTTPStatus = .ok, _ build: (inout JSONWriter) -> Void) -> HTTPResponse {
    var writer = JSONWriter()
    writer.beginObject()
    build(&writer)
    writer.endObject()
    return .json(status, writer.bytes)
  }

  /// Plain UTF-8 text.
  public static func text(_ status: HTTPStatus = .ok, _ text: String) -> HTTPResponse {
    var response = HTTPResponse(status, body: .bytes(Array(text.utf8)))
    response.headers.append(.contentType, "text/plain; charset=utf-8")
    return response
  }
}

/// Sends the pieces of a streamed body. Every write waits while the client is slower than its producer.
public struct HTTPResponseWriter: Sendable {
  /// A client that takes nothing for this long is dropped.
  private static let stallNanosecondsMax: UInt64 = 30_000_000_000

  let connection: ServerConnection
  let isChunked: Bool

  /// Sends a piece. Throws `ReactorError` when the client is gone or has stalled.
  public func write(_ bytes: [UInt8]) async throws {
    guard !bytes.isEmpty else { return }
    let socket = connection.socket
    if isChunked {
      connection.appendHead { ChunkedEncoder.appendHead(bytes.count, to: &$0) }
      socket.output.append(bytes)
      connection.appendHead { $0 += [13, 10] }
    } else {
      socket.output.append(bytes)
    }
    socket.setNeedsFlush()
    if let failure = socket.failure { throw failure }
    guard socket.output.count > StreamSocket.outputBytesMax else { return }
    socket.deadline = socket.loop.now + HTTPResponseWriter.stallNanosecondsMax
    try await socket.drained()
    socket.deadline = 0
  }

  /// Sends a piece without waiting, for signs of life between the pieces of a writer that waits for something else; on
  /// the connection's loop. Nothing is sent while other bytes wait for the client, or to one that is gone.
  public func offer(_ bytes: [UInt8]) {
    let socket = connection.socket
    guard !bytes.isEmpty, isChunked, socket.failure == nil, !socket.isClosed, socket.output.isEmpty else { return }
    connection.appendHead { ChunkedEncoder.appendHead(bytes.count, to: &$0) }
    socket.output.append(bytes)
    connection.appendHead { $0 += [13, 10] }
    socket.setNeedsFlush()
  }

  /// Sends what was written at once, where it would leave with the end of the loop's turn: for the first words of a
  /// stream whose others follow on their heels.
  public func flush() { connection.socket.flushNow() }

  /// Whether the client has closed its side or the connection failed: stop producing.
  public var isClientGone: Bool { connection.socket.peerClosed || connection.socket.isClosed }
}
