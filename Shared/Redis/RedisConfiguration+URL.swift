internal import HTTPWire
internal import Reactor
internal import TLS

extension RedisConfiguration {
  /// Reads one of
  ///
  /// - `redis://[user:password@]host[:port][/database]`
  /// - `unix:/path/of/socket`
  /// - `redis+sentinel://[user:password@]host[:port],host[:port]…/master[/database]`
  /// - `redis+cluster://[user:password@]host[:port],host[:port]…`
  ///
  /// With `rediss` in place of `redis` connections are secured by TLS. User and password are percent-decoded and are
  /// those of the servers, not of the sentinels. Throws `RedisURLError`.
  public init(url text: String) throws(RedisURLError) {
    if text.hasPrefix("unix:/") {
      self.init(address: .unix(String(text.dropFirst("unix:".count))))
      return
    }
    var url = try RedisURL(text)
    let addresses = try url.addresses()
    guard let first = addresses.first else { throw RedisURLError() }
    var database = 0
    var deployment = RedisDeployment.server
    switch url.kind {
    case .server:
      guard addresses.count == 1 else { throw RedisURLError() }
      database = try url.database()
    case .sentinel:
      deployment = .sentinels(addresses, master: try url.master())
      database = try url.database()
    case .cluster: deployment = .cluster(addresses)
    }
    guard url.path.isEmpty else { throw RedisURLError() }
    self.init(address: first, username: url.user, password: url.password, database: database)
    self.deployment = deployment
    if url.isSecured { tls = TLSConfiguration() }
    if deployment != .server {
      // Where the servers are may change: a server that is gone is not waited for long.
      connectTimeout = .seconds(2)
      probeInterval = .seconds(5)
      retryPauseMax = .milliseconds(500)
    }
  }
}

/// The parts of an address.
private struct RedisURL {
  enum Kind: String {
    case server = ""
    case sentinel = "+sentinel"
    case cluster = "+cluster"

    var port: Int { self == .sentinel ? 26_379 : 6379 }
  }

  /// Servers that may be named.
  static let addressesMax = 64

  let kind: Kind
  let isSecured: Bool
  var user: String?
  var password: String?
  private let hosts: Substring
  /// What has not been read.
  private(set) var path: [Substring] = []

  init(_ text: String) throws(RedisURLError) {
    guard let colon = text.firstIndex(of: ":"), text[colon...].hasPrefix("://") else { throw RedisURLError() }
    let scheme = text[..<colon]
    isSecured = scheme.hasPrefix("rediss")
    guard scheme.hasPrefix("redis"), let kind = Kind(rawValue: String(scheme.dropFirst(isSecured ? 6 : 5))) else {
      throw RedisURLError()
    }
    self.kind = kind
    var rest = text[colon...].dropFirst(3)
    if let at = rest.lastIndex(of: "@") {
      let parts = rest[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      rest = rest[rest.index(after: at)...]
      user = parts[0].isEmpty ? nil : try RedisURLError.decoded(parts[0])
      password = parts.count > 1 ? try RedisURLError.decoded(parts[1]) : nil
    }
    let parts = rest.split(separator: "/", omittingEmptySubsequences: false)
    hosts = parts[0]
    path = parts.dropFirst().filter { !$0.isEmpty }
  }

  func addresses() throws(RedisURLError) -> [SocketAddress] {
    let parts = hosts.split(separator: ",", omittingEmptySubsequences: false)
    guard parts.count <= RedisURL.addressesMax else { throw RedisURLError() }
    var addresses: [SocketAddress] = []
    for part in parts { addresses.append(try address(part)) }
    return addresses
  }

  private func address(_ text: Substring) throws(RedisURLError) -> SocketAddress {
    var host = text
    var port: Substring?
    if text.hasPrefix("[") {
      guard let end = text.firstIndex(of: "]") else { throw RedisURLError() }
      host = text[..<end].dropFirst()
      let rest = text[text.index(after: end)...]
      guard rest.isEmpty || rest.hasPrefix(":") else { throw RedisURLError() }
      port = rest.isEmpty ? nil : rest.dropFirst()
    } else if let colon = text.firstIndex(of: ":") {
      host = text[..<colon]
      port = text[text.index(after: colon)...]
    }
    guard !host.isEmpty, host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "?") }) else {
      throw RedisURLError()
    }
    guard let number = port.map({ Int($0) }) ?? kind.port, (1...65_535).contains(number) else { throw RedisURLError() }
    return .host(String(host), port: number)
  }

  /// Reads the name of the master.
  mutating func master() throws(RedisURLError) -> String {
    guard !path.isEmpty else { throw RedisURLError() }
    let name = try RedisURLError.decoded(path.removeFirst())
    guard !name.isEmpty, name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { throw RedisURLError() }
    return name
  }

  /// Reads the number of the database, if there is one.
  mutating func database() throws(RedisURLError) -> Int {
    guard !path.isEmpty else { return 0 }
    guard let number = Int(path.removeFirst()), (0...1000).contains(number) else { throw RedisURLError() }
    return number
  }
}

/// A text that is no address of a Redis server. It is not repeated, because it may hold a password.
public struct RedisURLError: Error, Sendable, CustomStringConvertible {
  /// What is expected.
  public var description: String {
    "the address of Redis must be redis://[user:password@]host[:port][/database] or unix:/path/of/socket, "
      + "redis+sentinel://[user:password@]host[:port],…/master[/database], or redis+cluster://[user:password@]host[:port],… "
      + "(rediss instead of redis for TLS)"
  }

  static func decoded(_ text: Substring) throws(RedisURLError) -> String {
    do { return try PercentEncoding.decode(text) } catch { throw RedisURLError() }
  }
}
