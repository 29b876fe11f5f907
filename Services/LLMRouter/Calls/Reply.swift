internal import Dialects
internal import HTTP
internal import HTTPWire

/// An answer on its way: to one caller, or into a call in inFlight that several follow.
struct Reply: Sendable {
  static let eventStream = "text/event-stream; charset=utf-8"

  /// Takes a piece, and whether it is to leave at once. Waits while the caller is slow.
  typealias Write = (_ bytes: [UInt8], _ isUrgent: Bool) async throws -> Void

  enum Body: Sendable {
    case whole([UInt8])
    /// Ends early when it is cut.
    case stream(@Sendable (StreamCut?, Write) async throws -> Void)
  }

  var headers = HTTPHeaders()
  let body: Body
  /// What a stream sends while nothing else comes.
  private(set) var heartbeat: Heartbeat?

  init(body: Body) { self.body = body }

  /// An event stream. Proxies in between must not gather it.
  static func events(
    heartbeat: Heartbeat?, _ produce: @escaping @Sendable (StreamCut?, Write) async throws -> Void
  ) -> Reply {
    var reply = Reply(body: .stream(produce))
    reply.heartbeat = heartbeat
    markEvents(&reply.headers)
    return reply
  }

  /// The header fields of event streams.
  static func markEvents(_ headers: inout HTTPHeaders) {
    headers.set(.contentType, eventStream)
    headers.set(.cacheControl, "no-cache")
    headers.set(.xAccelBuffering, "no")
  }

  /// For one caller, watched while it is sent.
  func response(for caller: CallPrincipal, in streams: OpenStreams) -> HTTPResponse {
    switch body {
    case .whole(let bytes): return HTTPResponse(.ok, headers: headers, body: .bytes(bytes))
    case .stream(let produce):
      var response = HTTPResponse(
        .ok, headers: headers,
        body: .stream(length: nil) { writer in
          let watched = streams.add(caller, writer.answer)
          defer { streams.remove(watched) }
          try await produce(watched?.cut) { bytes, isUrgent in
            try await writer.write(bytes)
            if isUrgent { writer.flush() }
          }
        })
      response.heartbeat = heartbeat
      return response
    }
  }
}

extension Heartbeat {
  /// What clients of a dialect overlook: Anthropic's know a ping, the others ignore comments. `nil` without an
  /// interval.
  init?(every interval: Duration, _ dialect: Dialect) {
    guard interval > .zero else { return nil }
    let ping = Array("event: ping\ndata: {\"type\": \"ping\"}\n\n".utf8)
    self.init(pause: interval, bytes: dialect == .messages ? ping : nil)
  }
}
