internal import Contracts
internal import HTTPWire

/// Which web pages of other origins may use a server (the CORS protocol of the Fetch standard).
public struct CORSPolicy: Sendable {
  /// What a list of origins says wrongly.
  public enum Fault: Error, Equatable, CustomStringConvertible {
    /// No origin and no pattern of origins.
    case malformed(String)
    /// Credentials for everybody.
    case credentialsForAll

    /// What is wrong.
    public var description: String {
      switch self {
      case .malformed(let origin):
        "\"\(origin)\" is no origin: write https://app.example.com, https://*.example.com or *"
      case .credentialsForAll: "credentials cannot be allowed to every origin (*)"
      }
    }
  }

  /// An origin that is allowed.
  private enum Pattern: Sendable {
    case exact(String)
    /// Hosts below one: what stands before them and behind them.
    case below(prefix: String, suffix: String)
  }

  /// Seconds for which browsers keep the answer to a preflight.
  private static let preflightSeconds = 600
  private static let methods = "GET, HEAD, POST, PUT, PATCH, DELETE"
  private static let requestHeaders =
    "authorization, content-type, idempotency-key, if-match, if-none-match, last-event-id, prefer, traceparent, x-api-key, x-csrf-token, "
    + "anthropic-version, anthropic-beta"
  private static let exposedHeaders =
    "etag, link, location, retry-after, ratelimit, ratelimit-policy, ratelimit-limit, ratelimit-remaining, ratelimit-reset, "
    + "idempotent-replayed, traceresponse"

  private let patterns: [Pattern]
  private let allowsAll: Bool
  private let allowsCredentials: Bool

  /// Allows origins: exact ones, `https://*.example.com` for all hosts below one, `*` for every page, then without
  /// credentials.
  public init(origins: [String], allowsCredentials: Bool) throws(Fault) {
    allowsAll = origins.contains("*")
    guard !(allowsAll && allowsCredentials) else { throw .credentialsForAll }
    self.allowsCredentials = allowsCredentials
    var patterns: [Pattern] = []
    for origin in origins where origin != "*" {
      guard let pattern = CORSPolicy.pattern(origin.lowercased()) else { throw .malformed(origin) }
      patterns.append(pattern)
    }
    self.patterns = patterns
  }

  private static func pattern(_ origin: String) -> Pattern? {
    guard let scheme = ["https://", "http://"].first(where: { origin.hasPrefix($0) }) else { return nil }
    var host = origin.dropFirst(scheme.count)
    let isPattern = host.hasPrefix("*.")
    if isPattern { host = host.dropFirst(1) }
    let isHost = host.utf8.allSatisfy {
      ($0 >= 0x61 && $0 <= 0x7A) || ($0 >= 0x30 && $0 <= 0x39) || [0x2D, 0x2E, 0x3A, 0x5B, 0x5D].contains($0)
    }
    guard isHost, host.count > (isPattern ? 1 : 0) else { return nil }
    return isPattern ? .below(prefix: scheme, suffix: String(host)) : .exact(origin)
  }

  /// Whether pages of an origin are allowed. `null` (a sandbox, a file) never is, but by `*`.
  public func allows(_ origin: String) -> Bool {
    if allowsAll { return true }
    guard origin.utf8.count <= 255 else { return false }
    let origin = origin.lowercased()
    return patterns.contains { pattern in
      switch pattern {
      case .exact(let exact): return origin == exact
      case .below(let prefix, let suffix):
        guard origin.hasPrefix(prefix), origin.hasSuffix(suffix) else { return false }
        let middle = origin.dropFirst(prefix.count).dropLast(suffix.count)
        return !middle.isEmpty
          && middle.utf8.allSatisfy {
            ($0 >= 0x61 && $0 <= 0x7A) || ($0 >= 0x30 && $0 <= 0x39) || $0 == 0x2D || $0 == 0x2E
          }
      }
    }
  }

  /// The answer to a preflight; `nil` for a request that is none.
  func preflight(_ head: RequestHead) -> HTTPResponse? {
    guard head.method == .options, let origin = head.headers[.origin],
      head.headers.contains("access-control-request-method")
    else { return nil }
    guard allows(origin) else {
      var refusal = Problem(.originRefused).response(traceID: nil)
      refusal.headers.append(.vary, "origin")
      return refusal
    }
    var answer = HTTPResponse(.noContent)
    answer.headers.append("access-control-allow-methods", CORSPolicy.methods)
    answer.headers.append("access-control-allow-headers", CORSPolicy.requestHeaders)
    answer.headers.append("access-control-max-age", String(CORSPolicy.preflightSeconds))
    answer.headers.append(.cacheControl, "public, max-age=\(CORSPolicy.preflightSeconds)")
    return answer
  }

  /// Adds to an answer what a browser needs to give it to the page.
  func mark(_ answer: inout HTTPResponse, to head: RequestHead) {
    if !allowsAll { answer.headers.append(.vary, "origin") }
    guard let origin = head.headers[.origin], allows(origin) else { return }
    answer.headers.append("access-control-allow-origin", allowsAll ? "*" : origin)
    if allowsCredentials { answer.headers.append("access-control-allow-credentials", "true") }
    if head.method != .options {
      answer.headers.append("access-control-expose-headers", CORSPolicy.exposedHeaders)
    }
  }
}
