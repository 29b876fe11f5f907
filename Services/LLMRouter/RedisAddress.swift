internal import HTTPWire
internal import Reactor
internal import Redis

/// Reads `redis://[user:password@]host[:port][/database]` and `unix:/path`.
enum RedisAddress {
  /// Why an address cannot be used.
  struct Fault: Error, CustomStringConvertible {
    var description: String {
      "redis.url must be redis://[user:password@]host[:port][/database] or unix:/path/of/socket"
    }
  }

  static func configuration(_ text: String) throws(Fault) -> RedisConfiguration {
    if text.hasPrefix("unix:/") { return RedisConfiguration(address: .unix(String(text.dropFirst(5)))) }
    guard text.hasPrefix("redis://") else { throw Fault() }
    var rest = text.dropFirst("redis://".count)
    var (user, password): (String?, String?) = (nil, nil)
    if let at = rest.lastIndex(of: "@") {
      let parts = rest[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      rest = rest[rest.index(after: at)...]
      user = parts[0].isEmpty ? nil : try decoded(parts[0])
      password = parts.count > 1 ? try decoded(parts[1]) : nil
    }
    var database = 0
    if let slash = rest.firstIndex(of: "/") {
      let name = rest[rest.index(after: slash)...]
      if !name.isEmpty {
        guard let number = Int(name), (0...1000).contains(number) else { throw Fault() }
        database = number
      }
      rest = rest[..<slash]
    }
    let parts = rest.split(separator: ":", maxSplits: 1)
    guard let host = parts.first else { throw Fault() }
    guard let port = parts.count > 1 ? Int(parts[1]) : 6379, (1...65_535).contains(port) else { throw Fault() }
    return RedisConfiguration(
      address: .host(String(host), port: port), username: user, password: password, database: database)
  }

  private static func decoded(_ text: Substring) throws(Fault) -> String {
    do { return try PercentEncoding.decode(text) } catch { throw Fault() }
  }
}
