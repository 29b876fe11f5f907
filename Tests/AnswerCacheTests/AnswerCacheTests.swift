import Contracts
import Dialects
import JSON
import Primitives
import Testing

@testable import AnswerCache

@Suite struct AnswerCacheTests {
  private func policy(_ header: String?, _ mode: CacheMode, isDeterministic: Bool = false) -> CachePolicy {
    CachePolicy(header, mode: mode, isDeterministic: isDeterministic, standardSeconds: 100)
  }

  @Test func `without a word of the caller the mode decides`() {
    #expect(!policy(nil, .off, isDeterministic: true).isActive)
    #expect(!policy(nil, .asked, isDeterministic: true).isActive)
    #expect(policy(nil, .deterministic, isDeterministic: true).isActive)
    #expect(!policy(nil, .deterministic).isActive)
    #expect(policy(nil, .all).isActive)
  }

  @Test func `callers speak Cache-Control`() {
    let asked = policy("max-age=20", .asked)
    #expect(asked.reads && asked.writes && asked.seconds == 20)
    #expect(policy("max-age=1000000", .asked).seconds == 2400, "bounded")
    let fresh = policy("no-cache", .all)
    #expect(!fresh.reads && fresh.writes)
    #expect(!policy("max-age=20, no-store", .all).isActive)
    let only = policy("only-if-cached", .asked)
    #expect(only.reads && only.onlyIfCached && !only.writes)
    #expect(!policy("max-age=20", .off).isActive, "off is off")
  }

  private let tenant = TenantID(UUID(high: 1, low: 2))

  private func key(_ text: String, tenant: TenantID? = nil) throws -> CacheKey {
    CacheKey(.chat, try JSONDocument(parsing: text).root, tenant: tenant ?? self.tenant)
  }

  @Test func `requests that mean the same have one name`() throws {
    let one = try key(#"{"model": "m", "messages": [{"role": "user", "content": "x"}], "user": "a"}"#)
    #expect(try key(#"{"messages":[{"content":"x","role":"user"}],"model":"m","metadata":{"b":1}}"#) == one)
    #expect(try key(#"{"model": "m", "messages": [{"role": "user", "content": "y"}]}"#) != one)
    #expect(
      try key(#"{"model": "m", "messages": [{"role": "user", "content": "x"}], "stream": true}"#) != one)
  }

  @Test func `no tenant has the name of another`() throws {
    let text = #"{"model": "m", "messages": []}"#
    let other = TenantID(UUID(high: 1, low: 3))
    #expect(try key(text) != key(text, tenant: other))
    #expect(try key(text).text.hasPrefix("cache:\(tenant.description):"))
  }
}
