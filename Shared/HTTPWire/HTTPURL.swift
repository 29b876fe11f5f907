/// An absolute `http` or `https` URL, checked so that its parts can stand in a request as they are.
public struct HTTPURL: Hashable, Sendable, CustomStringConvertible {
  /// Longest URL in bytes.
  public static let bytesMax = 8 << 10

  /// Whether the scheme is `https`.
  public let isSecure: Bool
  /// Host name or address; IPv6 without brackets.
  public let host: String
  /// The port, the scheme's own when the URL names none.
  public let port: Int
  /// Path and query, beginning with a slash.
  public let target: String

  /// Parses a URL. User names, fragments and characters outside RFC 3986 are refused.
  public init(_ text: String) throws(HTTPWireError) {
    guard text.utf8.count <= Self.bytesMax else { throw HTTPWireError(.invalidURL) }
    let rest: Substring
    if text.lowercased().hasPrefix("https://") {
      isSecure = true
      rest = text.dropFirst(8)
    } else if text.lowercased().hasPrefix("http://") {
      isSecure = false
      rest = text.dropFirst(7)
    } else {
      throw HTTPWireError(.invalidURL)
    }
    let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
    let tail = rest[authority.endIndex...]
    guard tail.utf8.allSatisfy({ ByteSet.query.contains($0) }) else { throw HTTPWireError(.invalidURL) }
    guard !authority.contains("@") else { throw HTTPWireError(.urlHasUserInfo) }
    target = tail.isEmpty ? "/" : tail.hasPrefix("/") ? String(tail) : "/" + tail
    (host, port) = try HTTPURL.split(authority, defaultPort: isSecure ? 443 : 80)
  }

  /// Makes a URL of parts that were checked before.
  private init(isSecure: Bool, host: String, port: Int, target: String) {
    self.isSecure = isSecure
    self.host = host
    self.port = port
    self.target = target
  }

  private static func split(
    _ authority: Substring, defaultPort: Int
  ) throws(HTTPWireError) -> (host: String, port: Int) {
    var host = authority
    var digits: Substring?
    if authority.hasPrefix("[") {
      guard let close = authority.firstIndex(of: "]") else { throw HTTPWireError(.invalidURL) }
      host = authority[authority.index(after: authority.startIndex)..<close]
      let behind = authority[authority.index(after: close)...]
      guard behind.isEmpty || behind.hasPrefix(":") else { throw HTTPWireError(.invalidURL) }
      digits = behind.isEmpty ? nil : behind.dropFirst()
      guard !host.isEmpty, host.utf8.allSatisfy({ hexValue($0) != nil || $0 == 0x3A || $0 == 0x2E }) else {
        throw HTTPWireError(.invalidHost)
      }
    } else {
      if let colon = authority.firstIndex(of: ":") {
        host = authority[..<colon]
        digits = authority[authority.index(after: colon)...]
      }
      guard !host.isEmpty, host.utf8.allSatisfy({ ByteSet.unreserved.contains($0) }) else {
        throw HTTPWireError(.invalidHost)
      }
    }
    guard let digits, !digits.isEmpty else { return (String(host), defaultPort) }
    guard digits.utf8.count <= 5, digits.utf8.allSatisfy(isDigit), let port = Int(digits), (1...65535).contains(port)
    else { throw HTTPWireError(.invalidPort) }
    return (String(host), port)
  }

  /// Host and, when it is not the scheme's own, port: the value of `Host`.
  public var authority: String {
    let name = host.utf8.contains(0x3A) ? "[\(host)]" : host
    return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
  }

  /// The URL with another path and query, which must begin with a slash and hold only characters of RFC 3986.
  public func with(target: String) throws(HTTPWireError) -> HTTPURL {
    guard target.utf8.first == 0x2F, target.utf8.count <= Self.bytesMax,
      target.utf8.allSatisfy({ ByteSet.query.contains($0) })
    else { throw HTTPWireError(.invalidTarget) }
    return HTTPURL(isSecure: isSecure, host: host, port: port, target: target)
  }

  /// The URL with a path put behind its own: `http://h/base` and `/v1/x` give `http://h/base/v1/x`.
  public func appending(path: String) throws(HTTPWireError) -> HTTPURL {
    try with(target: (target.hasSuffix("/") ? String(target.dropLast()) : target) + path)
  }

  /// The whole URL.
  public var description: String { "\(isSecure ? "https" : "http")://\(authority)\(target)" }
}
