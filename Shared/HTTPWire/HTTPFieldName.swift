/// A field name known when the program is written: no allocation to make, store or compare.
///
/// Write further ones as extensions: `static let apiVersion = HTTPFieldName("x-api-version")`.
public struct HTTPFieldName: Sendable {
  /// The name in lower case.
  public let text: StaticString

  /// A name; must be a valid token (RFC 9110, section 5.1), else no message will carry or find it.
  public init(_ text: StaticString) { self.text = text }

  @inline(__always)
  var buffer: UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
  }
}

extension HTTPFieldName {
  /// `accept`
  public static let accept = HTTPFieldName("accept")
  /// `accept-encoding`
  public static let acceptEncoding = HTTPFieldName("accept-encoding")
  /// `accept-language`
  public static let acceptLanguage = HTTPFieldName("accept-language")
  /// `allow`
  public static let allow = HTTPFieldName("allow")
  /// `authorization`
  public static let authorization = HTTPFieldName("authorization")
  /// `cache-control`
  public static let cacheControl = HTTPFieldName("cache-control")
  /// `connection`
  public static let connection = HTTPFieldName("connection")
  /// `content-disposition`
  public static let contentDisposition = HTTPFieldName("content-disposition")
  /// `content-encoding`
  public static let contentEncoding = HTTPFieldName("content-encoding")
  /// `content-length`
  public static let contentLength = HTTPFieldName("content-length")
  /// `content-security-policy`
  public static let contentSecurityPolicy = HTTPFieldName("content-security-policy")
  /// `content-type`
  public static let contentType = HTTPFieldName("content-type")
  /// `cookie`
  public static let cookie = HTTPFieldName("cookie")
  /// `date`
  public static let date = HTTPFieldName("date")
  /// `etag`
  public static let eTag = HTTPFieldName("etag")
  /// `expect`
  public static let expect = HTTPFieldName("expect")
  /// `expires`
  public static let expires = HTTPFieldName("expires")
  /// `forwarded`
  public static let forwarded = HTTPFieldName("forwarded")
  /// `host`
  public static let host = HTTPFieldName("host")
  /// `idempotency-key`
  public static let idempotencyKey = HTTPFieldName("idempotency-key")
  /// `if-match`
  public static let ifMatch = HTTPFieldName("if-match")
  /// `if-modified-since`
  public static let ifModifiedSince = HTTPFieldName("if-modified-since")
  /// `if-none-match`
  public static let ifNoneMatch = HTTPFieldName("if-none-match")
  /// `keep-alive`
  public static let keepAlive = HTTPFieldName("keep-alive")
  /// `last-event-id`
  public static let lastEventID = HTTPFieldName("last-event-id")
  /// `last-modified`
  public static let lastModified = HTTPFieldName("last-modified")
  /// `link`
  public static let link = HTTPFieldName("link")
  /// `location`
  public static let location = HTTPFieldName("location")
  /// `origin`
  public static let origin = HTTPFieldName("origin")
  /// `proxy-authenticate`
  public static let proxyAuthenticate = HTTPFieldName("proxy-authenticate")
  /// `proxy-authorization`
  public static let proxyAuthorization = HTTPFieldName("proxy-authorization")
  /// `proxy-connection`
  public static let proxyConnection = HTTPFieldName("proxy-connection")
  /// `range`
  public static let range = HTTPFieldName("range")
  /// `referer`
  public static let referer = HTTPFieldName("referer")
  /// `referrer-policy`
  public static let referrerPolicy = HTTPFieldName("referrer-policy")
  /// `retry-after`
  public static let retryAfter = HTTPFieldName("retry-after")
  /// `sec-websocket-accept`
  public static let secWebSocketAccept = HTTPFieldName("sec-websocket-accept")
  /// `sec-websocket-extensions`
  public static let secWebSocketExtensions = HTTPFieldName("sec-websocket-extensions")
  /// `sec-websocket-key`
  public static let secWebSocketKey = HTTPFieldName("sec-websocket-key")
  /// `sec-websocket-protocol`
  public static let secWebSocketProtocol = HTTPFieldName("sec-websocket-protocol")
  /// `sec-websocket-version`
  public static let secWebSocketVersion = HTTPFieldName("sec-websocket-version")
  /// `server`
  public static let server = HTTPFieldName("server")
  /// `set-cookie`
  public static let setCookie = HTTPFieldName("set-cookie")
  /// `strict-transport-security`
  public static let strictTransportSecurity = HTTPFieldName("strict-transport-security")
  /// `te`
  public static let te = HTTPFieldName("te")
  /// `traceparent`
  public static let traceparent = HTTPFieldName("traceparent")
  /// `tracestate`
  public static let tracestate = HTTPFieldName("tracestate")
  /// `trailer`
  public static let trailer = HTTPFieldName("trailer")
  /// `transfer-encoding`
  public static let transferEncoding = HTTPFieldName("transfer-encoding")
  /// `upgrade`
  public static let upgrade = HTTPFieldName("upgrade")
  /// `user-agent`
  public static let userAgent = HTTPFieldName("user-agent")
  /// `vary`
  public static let vary = HTTPFieldName("vary")
  /// `via`
  public static let via = HTTPFieldName("via")
  /// `www-authenticate`
  public static let wwwAuthenticate = HTTPFieldName("www-authenticate")
  /// `x-accel-buffering`
  public static let xAccelBuffering = HTTPFieldName("x-accel-buffering")
  /// `x-api-key`
  public static let xAPIKey = HTTPFieldName("x-api-key")
  /// `x-content-type-options`
  public static let xContentTypeOptions = HTTPFieldName("x-content-type-options")
  /// `x-forwarded-for`
  public static let xForwardedFor = HTTPFieldName("x-forwarded-for")
  /// `x-forwarded-host`
  public static let xForwardedHost = HTTPFieldName("x-forwarded-host")
  /// `x-forwarded-proto`
  public static let xForwardedProto = HTTPFieldName("x-forwarded-proto")
  /// `x-frame-options`
  public static let xFrameOptions = HTTPFieldName("x-frame-options")
  /// `x-request-id`
  public static let xRequestID = HTTPFieldName("x-request-id")
}
