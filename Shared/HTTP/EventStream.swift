internal import HTTPWire

extension HTTPResponse {
  /// A stream of server-sent events. `produce` runs until it returns or the client goes; comments keep the connection
  /// alive while it sends nothing. Each write of the producer must hold whole events.
  public static func events(
    heartbeat: Duration = .seconds(15),
    _ produce: @escaping @Sendable (inout HTTPResponseWriter) async throws -> Void
  ) -> HTTPResponse {
    var response = HTTPResponse(.ok, body: .stream(length: nil, produce))
    response.heartbeat = Heartbeat(pause: heartbeat)
    response.headers.append(.contentType, "text/event-stream")
    response.headers.append(.cacheControl, "no-store")
    response.headers.append(.xAccelBuffering, "no")
    return response
  }
}

/// What a streamed body sends while its producer has nothing to say, so that nobody on the way takes the connection for
/// dead. It goes out between two writes of the producer, only after a pause, and not to a client that has yet to take
/// what was sent before.
public struct Heartbeat: Sendable {
  /// Time without a write after which it is sent, again and again.
  public var pause: Duration
  /// The bytes, by default a comment of an event stream.
  public var bytes: [UInt8]

  /// Makes a heart beat.
  public init(pause: Duration, bytes: [UInt8]? = nil) {
    self.pause = pause
    self.bytes = bytes ?? Heartbeat.comment
  }

  private static let comment: [UInt8] = {
    var bytes: [UInt8] = []
    ServerSentEvent.appendComment("keep-alive", to: &bytes)
    return bytes
  }()
}
