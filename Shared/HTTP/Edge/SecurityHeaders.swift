internal import HTTPWire

/// Fields that tell browsers what they must not do with an answer. What a handler has set stays.
public struct SecurityHeaders: Sendable {
  /// Seconds of `Strict-Transport-Security`; 0 for none. Only for servers that are reached by https alone.
  private let transportSecurity: String?

  /// An answer that is no page loads nothing and stands in no frame.
  private static let contentPolicy = "default-src 'none'; frame-ancestors 'none'"

  /// Makes them. `transportSecuritySeconds` is 0 where clients may come without TLS.
  public init(transportSecuritySeconds: Int = 0) {
    transportSecurity = transportSecuritySeconds > 0 ? "max-age=\(transportSecuritySeconds); includeSubDomains" : nil
  }

  func mark(_ headers: inout HTTPHeaders) {
    func add(_ name: HTTPFieldName, _ value: String) {
      if !headers.contains(name) { headers.append(name, value) }
    }
    add(.xContentTypeOptions, "nosniff")
    add(.contentSecurityPolicy, SecurityHeaders.contentPolicy)
    add(.xFrameOptions, "DENY")
    add(.referrerPolicy, "no-referrer")
    if let transportSecurity { add(.strictTransportSecurity, transportSecurity) }
    // What has a validator may be kept and asked for again; the rest is for this moment.
    add(.cacheControl, headers.contains(.eTag) ? "private, no-cache" : "no-store")
  }
}
