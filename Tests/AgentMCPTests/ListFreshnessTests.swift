import Testing

@testable import AgentMCP

struct ListFreshnessTests {
  private static let minute: UInt64 = 60_000_000_000

  private func freshness() -> ListFreshness {
    ListFreshness(interval: 4 * Self.minute, lifetimeMin: Self.minute)
  }

  @Test func `the interval is jittered and never longer`() {
    var list = freshness()
    #expect(list.checkAt == .max && !list.isExpired(now: .max - 1))
    list.listed(now: 0, lifetime: nil, jitter: 0)
    #expect(list.checkAt == 4 * Self.minute)
    list.listed(now: 0, lifetime: nil, jitter: 1)
    #expect(list.checkAt == 3 * Self.minute)
    for jitter in [-1, 2, .nan, .infinity] {
      list.listed(now: 0, lifetime: nil, jitter: jitter)
      #expect((3 * Self.minute...4 * Self.minute).contains(list.checkAt))
    }
  }

  @Test func `a lifetime is bounded below, and does not move the interval`() {
    var list = freshness()
    list.listed(now: 0, lifetime: 0, jitter: 0)
    #expect(!list.isExpired(now: Self.minute - 1) && list.isExpired(now: Self.minute))
    list.listed(now: 0, lifetime: .max, jitter: 0)
    #expect(!list.isExpired(now: 1 << 62) && list.checkAt == 4 * Self.minute)
    list.listed(now: 0, lifetime: nil, jitter: 0)
    #expect(!list.isExpired(now: 1 << 62), "without a lifetime calls do not wait")
  }

  @Test func `a list that could not be read is old at once`() {
    var list = freshness()
    list.listed(now: 0, lifetime: nil, jitter: 0)
    list.failed(now: 5)
    #expect(list.isExpired(now: 5) && list.checkAt == 5 + 4 * Self.minute)
    list.forget()
    #expect(!list.isExpired(now: 1 << 62) && list.checkAt == .max)
  }

  @Test func `who changes again and again is heard more seldom`() {
    var list = freshness()
    var now: UInt64 = 5
    let pauses = (0..<10).map { _ in
      let pause = list.noticed(now: now)
      now += pause
      return pause / 1_000_000
    }
    #expect(pauses == [200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000])
    #expect(list.noticed(now: now + Self.minute) == 200_000_000)
    list.listed(now: now, lifetime: nil, jitter: 0)
    #expect(list.noticed(now: now + Self.minute) == 400_000_000)
  }

  @Test func `times do not overflow`() {
    var list = ListFreshness(interval: .max, lifetimeMin: .max)
    list.listed(now: .max, lifetime: .max, jitter: 0.5)
    #expect(list.checkAt == .max)
    list.failed(now: .max)
    #expect(list.isExpired(now: .max))
  }
}
