import Reactor
import Redis
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

  @Test(arguments: [
    "", "cache:6379", "http://cache", "redis://u:p@", "redis://cache:0", "redis://cache:65536", "redis://cache:x",
    "redis://cache/x", "redis://cache/-1", "redis://a%zz@cache",
  ])
  func `anything else is refused without being repeated`(_ text: String) {
    let error = #expect(throws: RedisURLError.self) { try RedisConfiguration(url: text) }
    #expect(text.isEmpty || error.map { !"\($0)".contains(text) } ?? false)
  }
}
