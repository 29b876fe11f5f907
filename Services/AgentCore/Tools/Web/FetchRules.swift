public import HTTPWire

/// What may be fetched.
public struct FetchRules: Sendable {
  /// Redirects that are followed.
  public static let redirectsMax = 5
  static let urlBytesMax = 4096

  /// Hosts that may be reached.
  public var hosts: [HostPattern]
  /// Hosts among them whose addresses may be private.
  public var privateHosts: [HostPattern]
  /// Ports that may be reached where the host's pattern names none.
  public var ports: Set<Int>
  /// Bytes of an answer, compressed and unpacked.
  public var bytesMax: Int

  /// Makes rules.
  public init(
    hosts: [HostPattern] = [], privateHosts: [HostPattern] = [], ports: Set<Int> = [80, 443], bytesMax: Int = 2 << 20
  ) {
    self.hosts = hosts
    self.privateHosts = privateHosts
    self.ports = ports
    self.bytesMax = bytesMax
  }

  /// Checks a URL. Nothing is looked up: addresses are checked with `refusal(of:for:)` when they are known.
  public func target(_ text: String) -> Result<FetchTarget, FetchRefusal> {
    guard text.utf8.count <= FetchRules.urlBytesMax else {
      return .failure(FetchRefusal("the address is longer than \(FetchRules.urlBytesMax) bytes"))
    }
    guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") }) else {
      return .failure(
        FetchRefusal("the address has characters that cannot stand in one; write names of other scripts as xn--"))
    }
    // What stands behind # never leaves a browser either.
    let text = String(text.prefix { $0 != "#" })
    let url: HTTPURL
    do throws(HTTPWireError) { url = try HTTPURL(text) } catch {
      return .failure(
        FetchRefusal(
          error.code == .urlHasUserInfo
            ? "an address with a user name is not fetched" : "that is not an http or https address"))
    }
    guard let host = FetchHost(url.host) else {
      return .failure(
        FetchRefusal("\"\(url.host.prefix(100))\" is neither a host name nor an address in its usual form"))
    }
    let patterns = hosts.filter { $0.names(host) }
    guard !patterns.isEmpty else {
      return .failure(
        FetchRefusal("the host \(host.text) is not among those that the operator allows (tools.http_hosts)"))
    }
    guard patterns.contains(where: { $0.port.map { $0 == url.port } ?? ports.contains(url.port) }) else {
      return .failure(FetchRefusal("the port \(url.port) of \(host.text) is not among those that the operator allows"))
    }
    let isPrivateAllowed = privateHosts.contains {
      $0.names(host) && ($0.port.map { $0 == url.port } ?? true)
    }
    return .success(FetchTarget(url: url, host: host, mayBePrivate: isPrivateAllowed))
  }

  /// Checks where a redirect leads: the same rules again, and never from https to http.
  public func redirect(from target: FetchTarget, to location: String) -> Result<FetchTarget, FetchRefusal> {
    guard let next = URLReference.resolve(location, against: target.url) else {
      return .failure(FetchRefusal("the redirect leads to something that is no address"))
    }
    return self.target(next).flatMap { next in
      if target.url.isSecure, !next.url.isSecure {
        return .failure(FetchRefusal("the redirect leads from https to http"))
      }
      return .success(next)
    }
  }
}

/// A URL that may be fetched once its addresses are checked.
public struct FetchTarget: Hashable, Sendable {
  /// The URL.
  public let url: HTTPURL
  /// Its host.
  public let host: FetchHost
  /// Whether the operator has named the host as one with private addresses.
  public let mayBePrivate: Bool

  /// The addresses that may be connected to. All must be allowed: a name that has a public and a private address is
  /// refused.
  public func checked(_ addresses: [WebAddress]) -> Result<[WebAddress], FetchRefusal> {
    guard !addresses.isEmpty else {
      return .failure(FetchRefusal("the name \(host.text) has no address", isMissing: true))
    }
    for address in addresses {
      switch AddressRules.kind(of: address) {
      case .isPublic: continue
      case .isPrivate where mayBePrivate: continue
      case .isPrivate, .isForbidden:
        return .failure(FetchRefusal("\(host.text) leads to an address that must not be reached from here"))
      }
    }
    return .success(addresses)
  }

  /// Whether both have the same scheme, host and port.
  public func hasSameOrigin(as other: FetchTarget) -> Bool {
    url.isSecure == other.url.isSecure && host == other.host && url.port == other.url.port
  }
}

/// Why an address is not fetched, in words for the model.
public struct FetchRefusal: Error, Hashable, Sendable {
  /// A clause. It never names the address that a name leads to: what is inside must not be found out from here.
  public let message: String
  /// Whether there is only nothing to reach.
  public let isMissing: Bool

  init(_ message: String, isMissing: Bool = false) {
    self.message = message
    self.isMissing = isMissing
  }
}
