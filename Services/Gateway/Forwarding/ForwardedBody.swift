internal import HTTP
internal import Reactor

/// The body of a request on its way to a service: in one piece when it is small, so that it can be sent again, else as
/// it comes.
///
/// `@unchecked Sendable`: confined to the loop of its request.
final class ForwardedBody: @unchecked Sendable {
  private let source: HTTPRequestBody
  /// What was read ahead.
  private var first: [UInt8] = []
  private var whole: HTTPClientRequest.Body?
  /// Part of a body that is not kept was sent: it cannot be sent a second time.
  private(set) var hasBegun = false

  init(_ source: HTTPRequestBody) async throws {
    self.source = source
    if source.isEnded {
      whole = HTTPClientRequest.Body.none
    } else if let length = source.declaredLength {
      if length <= Upstream.wholeBytesMax { whole = .bytes(try await source.collect()) }
    } else if source.isDecoded {
      // Compressed, most are small.
      while UInt64(first.count) <= Upstream.wholeBytesMax {
        guard let piece = try await source.next() else {
          whole = .bytes(first)
          return
        }
        try source.keep(piece.count)
        first += piece
      }
    }
  }

  var body: HTTPClientRequest.Body {
    whole ?? .stream(length: source.declaredLength) { [self] in try await next() }
  }

  private func next() async throws -> [UInt8]? {
    hasBegun = true
    guard first.isEmpty else {
      defer { first = [] }
      return first
    }
    return try await source.next()
  }
}
