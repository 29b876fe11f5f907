import Reactor
import Redis
import TLS
import Testing

@Suite("Redis addresses")
struct RedisURLTests {
  @Test func `host and port stand alone or with user, password and database`() throws {
    let plain = try RedisConfiguration(url: "redis://cache")
    #expect(plain.address == .host("cache", port: 6379))
    #expect(plain.username == nil && plain.password == nil && plain.database == 0)
    let full = try RedisConfiguration(url: "redis://a%40b:p%3Aq@cache.local:7000/3")
    #expect(full.address == .host("cache.local", port: 7000))
    #expect(full.username == "a@b" && full.password == "p:q" && full.database == 3)
    let passwordOnly = try RedisConfiguration(url: "redis://:secret@cache/")
    #expect(passwordOnly.username == nil && passwordOnly.password == "secret" && passwordOnly.database == 0)
  }

  @Test func `a socket is named by its path`() throws {
    #expect(try RedisConfiguration(url: "unix:/run/redis.sock").address == .unix("/run/redis.sock"))
  }

  @Test func `an s behind redis stands for TLS`() throws {
    let secured = try RedisConfiguration(url: "rediss://user:pass@cache.example:6380/1")
    #expect(secured.tls == TLSConfiguration() && secured.deployment == .server)
    #expect(secured.address == .host("cache.example", port: 6380) && secured.database == 1)
    #expect(try RedisConfiguration(url: "redis://cache").tls == nil)
    #expect(try RedisConfiguration(url: "rediss+sentinel://a,b/m").tls != nil)
    #expect(try RedisConfiguration(url: "rediss+cluster://a").tls != nil)
  }

  @Test func `sentinels are named with their master`() throws {
    let some = try RedisConfiguration(url: "redis+sentinel://u:p@a,b:1,[::1]:2/mymaster/3")
    #expect(
      some.deployment
        == .sentinels([.host("a", port: 26_379), .host("b", port: 1), .host("::1", port: 2)], master: "mymaster"))
    #expect(some.username == "u" && some.password == "p" && some.database == 3 && some.tls == nil)
    #expect(some.sentinelPassword == nil)
  }

  @Test func `a cluster is named by some of its nodes`() throws {
    let some = try RedisConfiguration(url: "redis+cluster://:p@a,b:7001/")
    #expect(some.deployment == .cluster([.host("a", port: 6379), .host("b", port: 7001)]))
    #expect(some.password == "p")
  }

  @Test(arguments: [
    "redis+sentinel://a,b", "redis+sentinel://a/", "redis+sentinel:///m", "redis+sentinel://a,/m",
    "redis+sentinel://a/m/x", "redis+sentinel://a/m/1/2", "redis+sentinel://a/m%20n", "redis+cluster://a/1",
    "redis+cluster://", "redis+other://a", "redisss://a", "rediss+://a", "redis://a,b", "redis://[::1",
    "redis://[::1]x",
    "redis://a?b", "redis://a b", "redis://a/1/2", "redis+cluster://" + String(repeating: "a,", count: 64) + "a",
  ])
  func `what cannot be meant is refused`(_ text: String) {
    #expect(throws: RedisURLError.self) { try RedisConfiguration(url: text) }
  }

  @Test(arguments: [
    "", "cache:6379", "http://cache", "redis://u:p@", "redis://cache:0", "redis://cache:65536", "redis://cache:x",
    "redis://cache/x", "redis://cache/-1", "redis://a%zz@cache",
  ])
  func `anything else is refused without being repeated`(_ text: String) {
    let error = #expect(throws: RedisURLError.self) { try RedisConfiguration(url: text) }
    #expect(text.isEmpty || error.map { !"\($0)".contains(text) } ?? false)
  }
}
