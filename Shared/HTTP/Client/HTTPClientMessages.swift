public import HTTPWire
public import Telemetry

/// A request to another server.
public struct HTTPClientRequest: Sendable {
  /// What the request carries.
  public enum Body: Sendable {
    /// Nothing.
    case none
    /// All of it, sent with its length.
    case bytes([UInt8])
    /// Pulled while it is sent: with `Content-Length` when the length is known, else chunked. `nil` ends it.
    case stream(length: UInt64?, @Sendable () async throws -> [UInt8]?)
  }

  /// The method.
  public var method: HTTPMethod
  /// Where to.
  public var url: HTTPURL
  /// Header fields. `Host`, the framing and `traceparent` are the client's business.
  public var headers: HTTPHeaders
  /// The content.
  public var body: Body
  /// Time for the whole exchange until the response head.
  public var timeout: Duration
  /// Time for a connection to be there, if that is less: an address that nobody answers at.
  public var connectTimeout: Duration = .seconds(3600)
  /// Time for each pause between two pieces of the answer's body; then the server counts as hung.
  public var pauseMax: Duration
  /// Whether doing it twice is harmless, so that a broken connection may be answered by one more try. By default what
  /// the method promises (GET, HEAD, PUT, DELETE, OPTIONS); set it for a POST with an idempotency key.
  public var isIdempotent: Bool
  /// The trace that this call is part of.
  public var trace: TraceContext?
  /// The numeric address to connect to instead of one that is looked up, for addresses that were checked. The
  /// connection is fresh and used once, goes through no proxy, and to no other address.
  public var pinnedAddress: String?

  /// Makes a request.
  public init(
    _ method: HTTPMethod, _ url: HTTPURL, headers: HTTPHeaders = HTTPHeaders(), body: Body = .none,
    timeout: Duration = .seconds(30), pauseMax: Duration = .seconds(120), isIdempotent: Bool? = nil,
    trace: TraceContext? = nil
  ) {
    self.method = method
    self.url = url
    self.headers = headers
    self.body = body
    self.timeout = timeout
    self.pauseMax = pauseMax
    self.isIdempotent = isIdempotent ?? (method != .post && method != .patch && method != .other)
    self.trace = trace
  }
}

/// The answer of another server; its body is read on demand and must be read to its end or dropped.
public struct HTTPClientResponse: Sendable {
  /// The status.
  public let status: HTTPStatus
  /// The header fields.
  public let headers: HTTPHeaders
  /// The content.
  public let body: any HTTPClientBody
}

/// The content of an answer, pulled piece by piece. Dropping it before its end cancels the exchange.
public protocol HTTPClientBody: AnyObject, Sendable {
  /// The next piece, `nil` after the last; the exchange ends with `timedOut` when there is none at `deadline`
  /// (monotonic nanoseconds) or within the request's `pauseMax`. Throws `HTTPClientError`.
  func next(before deadline: UInt64) async throws -> [UInt8]?

  /// Ends the exchange before its end: whoever waits for a piece, or asks for one later, gets `HTTPClientError` and not
  /// a cancellation. On the loop of the reader.
  func abandon()
}

extension HTTPClientBody {
  /// The next piece, `nil` after the last. Throws `HTTPClientError`.
  public func next() async throws -> [UInt8]? { try await next(before: .max) }

  /// All of it. Throws `HTTPClientError.bodyTooLarge` beyond `bytesMax`.
  public func collect(upTo bytesMax: Int, before deadline: UInt64 = .max) async throws -> [UInt8] {
    var whole: [UInt8] = []
    while let piece = try await next(before: deadline) {
      guard whole.count + piece.count <= bytesMax else { throw HTTPClientError(.bodyTooLarge) }
      if whole.isEmpty { whole = piece } else { whole += piece }
    }
    return whole
  }
}

/// Why an exchange failed.
public struct HTTPClientError: Error, Sendable, CustomStringConvertible {
  /// The kinds of failure.
  public enum Code: String, Sendable {
    /// No connection: refused, unreachable, name unknown, or TLS failed. Nothing was sent.
    case cannotConnect
    /// The time was over.
    case timedOut
    /// The connection ended before the answer was complete.
    case connectionLost
    /// The peer does not speak HTTP as it should.
    case protocolViolation
    /// The answer is larger than the caller accepts.
    case bodyTooLarge
    /// All connections are in use and the queue is full.
    case overloaded
  }

  /// The kind of failure.
  public let code: Code
  /// Whether the server may have acted on the request.
  public let outcomeUnknown: Bool
  /// The message of the layer below, without addresses' secrets or content.
  public let reason: String

  /// Makes an error.
  public init(_ code: Code, outcomeUnknown: Bool = false, reason: String = "") {
    self.code = code
    self.outcomeUnknown = outcomeUnknown
    self.reason = reason
  }

  /// One sentence.
  public var description: String {
    let what =
      switch code {
      case .cannotConnect: "the server cannot be reached"
      case .timedOut: "the server did not answer in time"
      case .connectionLost: "the connection to the server was lost"
      case .protocolViolation: "the server does not speak HTTP correctly"
      case .bodyTooLarge: "the answer of the server is too large"
      case .overloaded: "too many requests to this server are waiting"
      }
    return reason.isEmpty ? what : "\(what) (\(reason))"
  }
}
