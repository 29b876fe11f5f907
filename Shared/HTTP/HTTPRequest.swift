internal import Contracts
public import HTTPWire
public import JSON
public import Reactor
public import Telemetry

/// A request as a handler sees it: the head is there, the body is read on demand.
///
/// `@unchecked Sendable`: confined to the loop of its connection; handlers run there.
public final class HTTPRequest: @unchecked Sendable {
  /// Method, path, fields.
  public let head: RequestHead
  /// The values of the pattern's parameters.
  public let parameters: PathParameters
  /// The body; empty when the request has none.
  public let body: HTTPRequestBody
  /// The span of this request: child of the caller's `traceparent`, parent of all that is done for it.
  public let span: Span
  /// When the head was complete, in nanoseconds of the monotonic clock.
  public let receivedAt: UInt64
  /// What a service learned about the caller, set by its own first steps.
  public var attachment: (any Sendable)?
  /// The name of the credential that was shown, for the access log: it gives no rights.
  public var callerName: String?
  /// The address of the client: that of the connection, or what trusted proxies say (`TrustedProxies`); `nil` for Unix
  /// sockets and for proxies that say nothing of use.
  public let clientAddress: NetworkAddress?

  init(
    head: RequestHead, parameters: PathParameters, body: HTTPRequestBody, span: Span, receivedAt: UInt64,
    clientAddress: NetworkAddress?
  ) {
    self.clientAddress = clientAddress
    self.head = head
    self.parameters = parameters
    self.body = body
    self.span = span
    self.receivedAt = receivedAt
  }

  /// The header fields.
  public var headers: HTTPHeaders { head.headers }

  /// The trace context to hand on with calls that are made for this request.
  public var trace: TraceContext { span.context }

  /// The loop on which the handler runs.
  public var loop: EventLoop { body.socket.loop }

  /// The query items, decoded. Throws a 400 `Problem` when they are malformed or too many.
  public func query() throws(Problem) -> QueryItems {
    do {
      return try QueryItems(head.query)
    } catch {
      throw Problem(error.status, code: error.code.rawValue, error.message)
    }
  }

  /// A path parameter that must be there by the route's pattern.
  public func parameter(_ name: String) throws(Problem) -> String {
    guard let value = parameters[name] else {
      throw Problem(.routeError, "The route has no parameter of this name.")
    }
    return value
  }

  /// Reads and parses the whole body. Throws `Problem` for another media type, a body over the route's limit, or no
  /// JSON.
  public func json(limits: JSONLimits = .standard) async throws -> JSONDocument {
    let type = headers.withValue(of: .contentType) { String(decoding: $0, as: UTF8.self) }
    if let type, !HTTPRequest.isJSON(type) {
      throw Problem(.unsupportedMediaType, "Send the body as application/json.")
    }
    let bytes = try await body.collect()
    do {
      return try JSONDocument(parsing: bytes, limits: limits)
    } catch {
      throw Problem(error)
    }
  }

  private static func isJSON(_ type: String) -> Bool {
    if type == "application/json" { return true }
    let media = (type.split(separator: ";", maxSplits: 1).first ?? "").lowercased().filter { $0 != " " }
    return media == "application/json" || media.hasSuffix("+json")
  }
}
