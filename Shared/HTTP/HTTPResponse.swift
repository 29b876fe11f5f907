public import HTTPWire
public import JSON

/// What a handler answers.
public struct HTTPResponse: Sendable {
  /// How the content is produced.
  public enum Body: Sendable {
    /// No content.
    case empty
    /// All of it, sent with its length.
    case bytes([UInt8])
    /// Produced while it is sent: with `Content-Length` when the length is known, else chunked.
    case stream(length: UInt64?, @Sendable (inout HTTPResponseWriter) async throws -> Void)
    /// 101: after the head, the socket belongs to the closure until it returns.
    case upgrade(@Sendable (consuming UpgradedConnection) async -> Void)
  }

  /// The status.
  public var status: HTTPStatus
  /// Header fields. `Content-Length`, `Transfer-Encoding`, `Connection` and `Date` are the server's business.
  public var headers: HTTPHeaders
  /// The content.
  public var body: Body
  /// What a streamed body sends in long pauses.
  public var heartbeat: Heartbeat?
  /// Who is notified of the life of a body that is produced while it is sent, or of an upgrade.
  public var observers: [any BodyObserver] = []

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
