public import HTTPWire
internal import Primitives
internal import Reactor

extension HTTPResponse {
  /// A stream of server-sent events. `produce` runs until it returns or the client goes; comments keep the connection
  /// alive while it sends nothing.
  public static func events(
    heartbeat: Duration = .seconds(15), _ produce: @escaping @Sendable (EventStreamWriter) async throws -> Void
  ) -> HTTPResponse {
    var response = HTTPResponse(
      .ok,
      body: .stream(length: nil) { writer in
        let stream = EventStreamWriter(writer: writer)
        try await withThrowingTaskGroup(of: Bool.self) { group in
          group.addTask {
            try await produce(stream)
            return true
          }
          group.addTask {
            while true {
              try await EventLoop.sleep(for: heartbeat)
              try await stream.comment("keep-alive")
            }
          }
          defer { group.cancelAll() }
          while let done = try await group.next() { if done { return } }
        }
      })
    response.headers.append(.contentType, "text/event-stream")
    response.headers.append(.cacheControl, "no-store")
    response.headers.append(.xAccelBuffering, "no")
    return response
  }
}

/// Sends server-sent events to one client, each in one piece.
public struct EventStreamWriter: Sendable {
  let writer: HTTPResponseWriter

  /// Sends an event; waits while the client is slow. Throws `ReactorError` when the client is gone.
  public func send(_ event: ServerSentEvent) async throws {
    var bytes: [UInt8] = []
    event.append(to: &bytes)
    try await writer.write(bytes)
  }

  /// Sends a comment.
  public func comment(_ text: String) async throws {
    var bytes: [UInt8] = []
    ServerSentEvent.appendComment(text, to: &bytes)
    try await writer.write(bytes)
  }
}
