internal import HTTPWire
internal import Reactor

extension RedisConfiguration {
  /// Reads `redis://[user:password@]host[:port][/database]` or `unix:/path/of/socket`. User and password are
  /// percent-decoded. Throws `RedisURLError`.
  public init(url text: String) throws(RedisURLError) {
    if text.hasPrefix("unix:/") {
      self.init(address: .unix(String(text.dropFirst("unix:".count))))
      return
    }
    guard text.hasPrefix("redis://") else { throw RedisURLError() }
    var rest = text.dropFirst("redis://".count)
    var (user, password): (String?, String?) = (nil, nil)
    if let at = rest.lastIndex(of: "@") {
      let parts = rest[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      rest = rest[rest.index(after: at)...]
      user = parts[0].isEmpty ? nil : try RedisURLError.decoded(parts[0])
      password = parts.count > 1 ? try RedisURLError.decoded(parts[1]) : nil
    }
    var database = 0
    if let slash = rest.firstIndex(of: "/") {
      let name = rest[rest.index(after: slash)...]
      if !name.isEmpty {
        guard let number = Int(name), (0...1000).contains(number) else { throw RedisURLError() }
        database = number
      }
      rest = rest[..<slash]
    }
    let parts = rest.split(separator: ":", maxSplits: 1)
    guard let host = parts.first else { throw RedisURLError() }
    guard let port = parts.count > 1 ? Int(parts[1]) : 6379, (1...65_535).contains(port) else {
      throw RedisURLError()
    }
    self.init(
      address: .host(String(host), port: port), username: user, password: password, database: database)
  }
}

/// A text that is no address of a Redis server. It is not repeated, because it may hold a password.
public struct RedisURLError: Error, Sendable, CustomStringConvertible {
  /// What is expected.
  public var description: String {
    "the address of Redis must be redis://[user:password@]host[:port][/database] or unix:/path/of/socket"
  }

  static func decoded(_ text: Substring) throws(RedisURLError) -> String {
    do { return try PercentEncoding.decode(text) } catch { throw RedisURLError() }
  }
}
