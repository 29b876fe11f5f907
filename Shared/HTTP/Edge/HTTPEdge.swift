internal import Contracts
internal import HTTPWire

/// What a server does besides its routes when its clients are not part of the installation.
public struct HTTPEdge: Sendable {
  /// Web pages of other origins; `nil` leaves them to the browser, which refuses.
  public var cors: CORSPolicy?
  /// Fields for browsers.
  public var securityHeaders: SecurityHeaders?
  /// Compression of answers.
  public var compression: ResponseCompression?
  /// A line for each request.
  public var accessLog: AccessLog?
  /// Whose word on the addresses of clients counts.
  public var trustedProxies = TrustedProxies([])

  /// Does nothing yet.
  public init() {}

  /// The answer to a request that no handler sees: a preflight, or a head that says something twice.
  func answer(_ exchange: Exchange) -> HTTPResponse? {
    let head = exchange.request.head
    if head.method == .options, let answer = cors?.preflight(head) { return answer }
    if let name = SingleFields.repeated(in: head.headers) {
      return exchange.told(Problem(.duplicateHeader, "The header \(name) comes more than once; send it once."))
    }
    return nil
  }

  /// Completes an answer. The order counts: what is compressed depends on what the handler says of caches.
  func complete(_ answer: inout HTTPResponse, to head: RequestHead) {
    compression?.compress(&answer, to: head)
    securityHeaders?.mark(&answer.headers)
    cors?.mark(&answer, to: head)
  }
}

/// Fields of a request that name one thing: of two that differ, two servers could each read another.
enum SingleFields {
  private static let names: [HTTPFieldName] = [
    .authorization, .contentType, .idempotencyKey, .xAPIKey, .origin, .cookie, .ifMatch, .range, .proxyAuthorization,
  ]

  /// The first of them that comes more than once.
  static func repeated(in headers: HTTPHeaders) -> String? {
    guard headers.count > 1 else { return nil }
    var seen: UInt16 = 0
    var repeated: String?
    headers.forEachRaw { name, _ in
      guard repeated == nil, let index = index(of: name) else { return }
      let bit: UInt16 = 1 << UInt16(index)
      if seen & bit != 0 { repeated = "\(names[index].text)" }
      seen |= bit
    }
    return repeated
  }

  private static func index(of name: UnsafeRawBufferPointer) -> Int? {
    switch name.count {
    case 5, 6, 8, 9, 12, 13, 15, 19: names.firstIndex { isEqual(name, $0) }
    default: nil
    }
  }

  private static func isEqual(_ name: UnsafeRawBufferPointer, _ other: HTTPFieldName) -> Bool {
    let text = UnsafeBufferPointer(start: other.text.utf8Start, count: other.text.utf8CodeUnitCount)
    return text.count == name.count && zip(name, text).allSatisfy { ($0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0) == $1 }
  }
}
