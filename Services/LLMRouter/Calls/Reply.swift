internal import HTTP
internal import HTTPWire

/// An answer on its way: to one caller, or into a flight that several follow.
struct Reply: Sendable {
  static let eventStream = "text/event-stream; charset=utf-8"

  /// Where the pieces of a stream go.
  struct Output: Sendable {
    /// Takes a piece, and whether it is to leave at once. Waits while the caller is slow.
    let write: @Sendable (_ bytes: [UInt8], _ isUrgent: Bool) async throws -> Void
    /// Takes a piece without waiting, between two others; drops it when there is no room.
    let offer: @Sendable (_ bytes: [UInt8]) -> Void
  }

  enum Body: Sendable {
    case whole([UInt8])
    case stream(@Sendable (Output) async throws -> Void)
  }

  var headers = HTTPHeaders()
  let body: Body

  init(body: Body) { self.body = body }

  /// An event stream. Proxies in between must not gather it.
  static func events(_ produce: @escaping @Sendable (Output) async throws -> Void) -> Reply {
    var reply = Reply(body: .stream(produce))
    markEvents(&reply.headers)
    return reply
  }

  /// The header fields of event streams.
  static func markEvents(_ headers: inout HTTPHeaders) {
    headers.set(.contentType, eventStream)
    headers.set(.cacheControl, "no-cache")
    headers.set(.xAccelBuffering, "no")
  }

  /// For one caller.
  var response: HTTPResponse {
    switch body {
    case .whole(let bytes): HTTPResponse(.ok, headers: headers, body: .bytes(bytes))
    case .stream(let produce):
      HTTPResponse(
        .ok, headers: headers,
        body: .stream(length: nil) { writer in
          try await produce(
            Output(
              write: { bytes, isUrgent in
                try await writer.write(bytes)
                if isUrgent { writer.flush() }
              }, offer: { writer.offer($0) }))
        })
    }
  }
}
