import AgentTools
import Contracts
import Primitives
import Testing

@Suite struct CircuitBreakerTests {
  private static let key = CircuitBreakers.Key(tenant: TenantID(UUID(high: 1, low: 1)), tool: "a")

  @Test func `it opens after failures in a row, and lets one call through behind its time`() {
    let breaker = TestedBreaker()
    for _ in 1..<CircuitBreaker.failuresMax { #expect(!breaker.failed(at: 0)) }
    #expect(breaker.admit(at: 0))
    #expect(breaker.failed(at: 0))
    #expect(!breaker.admit(at: CircuitBreaker.openNanoseconds - 1))
    #expect(breaker.admit(at: CircuitBreaker.openNanoseconds))
    // The others wait for the probe.
    #expect(!breaker.admit(at: CircuitBreaker.openNanoseconds))
    breaker.succeeded()
    #expect(breaker.admit(at: CircuitBreaker.openNanoseconds))
    #expect(breaker.isIdle)
  }

  @Test func `a probe that fails opens it for longer, up to a bound`() {
    let breaker = TestedBreaker()
    for _ in 0..<CircuitBreaker.failuresMax { _ = breaker.failed(at: 0) }
    var now: UInt64 = 0
    var pauses: [UInt64] = []
    for _ in 0..<8 {
      var pause: UInt64 = 0
      while !breaker.wouldAdmit(at: now + pause) { pause += 1_000_000_000 }
      pauses.append(pause / 1_000_000_000)
      now += pause
      #expect(breaker.admit(at: now))
      #expect(breaker.failed(at: now))
    }
    #expect(pauses == [30, 60, 120, 240, 480, 480, 480, 480])
  }

  @Test func `a success between failures begins anew, and a lost or cancelled probe is followed by another`() {
    let breaker = TestedBreaker()
    for _ in 0..<20 {
      _ = breaker.failed(at: 0)
      breaker.succeeded()
    }
    #expect(breaker.isIdle)
    for _ in 0..<CircuitBreaker.failuresMax { _ = breaker.failed(at: 0) }
    let now = CircuitBreaker.openNanoseconds
    #expect(breaker.admit(at: now))
    breaker.abandoned(at: now)
    #expect(breaker.admit(at: now))
    #expect(!breaker.admit(at: now + CircuitBreaker.probeNanoseconds - 1))
    #expect(breaker.admit(at: now + CircuitBreaker.probeNanoseconds))
  }

  @Test func `tenants have breakers of their own, and the table is bounded`() {
    let table = TestedTable()
    for _ in 0..<CircuitBreaker.failuresMax { _ = table.ended(Self.key, isOutage: true, at: 0) }
    #expect(!table.admit(Self.key, at: 1))
    #expect(table.openCount(at: 1) == 1)
    let other = CircuitBreakers.Key(tenant: TenantID(UUID(high: 1, low: 2)), tool: "a")
    #expect(table.admit(other, at: 1))
    // Tools that work take no place.
    #expect(!table.ended(other, isOutage: false, at: 1))
    #expect(table.count == 1)
    for number in 0..<100 {
      _ = table.ended(
        CircuitBreakers.Key(tenant: TenantID(UUID(high: 2, low: UInt64(number))), tool: "a"), isOutage: true, at: 1)
    }
    #expect(table.count == 10)
    _ = table.ended(Self.key, isOutage: nil, at: 1)
    _ = table.ended(Self.key, isOutage: false, at: 1)
    #expect(table.count <= 10)
  }
}

/// `#expect` takes no mutating calls.
private final class TestedBreaker {
  private var breaker = CircuitBreaker()

  var isIdle: Bool { breaker.isIdle }
  func wouldAdmit(at now: UInt64) -> Bool { breaker.wouldAdmit(at: now) }
  func admit(at now: UInt64) -> Bool { breaker.admit(at: now) }
  func failed(at now: UInt64) -> Bool { breaker.failed(at: now) }
  func succeeded() { breaker.succeeded() }
  func abandoned(at now: UInt64) { breaker.abandoned(at: now) }
}

private final class TestedTable {
  private var table = CircuitBreakers(countMax: 10)

  var count: Int { table.count }
  func openCount(at now: UInt64) -> Int { table.openCount(at: now) }
  func admit(_ key: CircuitBreakers.Key, at now: UInt64) -> Bool { table.admit(key, at: now) }
  func ended(_ key: CircuitBreakers.Key, isOutage: Bool?, at now: UInt64) -> Bool {
    table.ended(key, isOutage: isOutage, at: now)
  }
}
