internal import HTTP
internal import HTTPWire

/// An answer on its way: to one caller, or into a flight that several follow.
struct Reply: Sendable {
  static let eventStream = "text/event-stream; charset=utf-8"

  /// Takes a piece, and whether it is to leave at once.
  typealias Write = ([UInt8], _ isUrgent: Bool) async throws -> Void

  enum Body: Sendable {
    case whole([UInt8])
    case stream(@Sendable (Write) async throws -> Void)
  }

  var headers = HTTPHeaders()
  let body: Body

  init(body: Body) { self.body = body }

  /// For one caller.
  var response: HTTPResponse {
    switch body {
    case .whole(let bytes): HTTPResponse(.ok, headers: headers, body: .bytes(bytes))
    case .stream(let produce):
      HTTPResponse(
        .ok, headers: headers,
        body: .stream(length: nil) { writer in
          try await produce { bytes, isUrgent in
            try await writer.write(bytes)
            if isUrgent { writer.flush() }
          }
        })
    }
  }
}
