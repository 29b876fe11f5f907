import LocalStack
import Testing

@Suite struct RestartPolicyTests {
  private static let second: UInt64 = 1_000_000_000

  @Test func `the first start is at once, further ones come later and later, and none is the last`() {
    var policy = RestartPolicy()
    var now: UInt64 = 5 * RestartPolicyTests.second
    var pauses: [UInt64] = []
    for _ in 0..<200 {
      let isNews = policy.ended(at: now)
      let isNewsAgain = policy.ended(at: now)
      #expect(isNews && !isNewsAgain)
      let due = policy.startAt ?? 0
      pauses.append(due - now)
      let isEarly = due > now && policy.isDue(at: due - 1)
      now = due
      let isDue = policy.isDue(at: now)
      #expect(isDue && !isEarly)
      #expect(policy.startAt == nil)
    }
    #expect(pauses.prefix(4) == [0, 200_000_000, 400_000_000, 800_000_000])
    #expect(pauses.max() == RestartPolicy.pauseNanosecondsMax)
    #expect(pauses.allSatisfy { $0 <= RestartPolicy.pauseNanosecondsMax })
  }

  @Test func `what has run for a minute starts at once again`() {
    var policy = RestartPolicy()
    var now: UInt64 = 0
    for _ in 0..<8 {
      _ = policy.ended(at: now)
      now = policy.startAt ?? now
      _ = policy.isDue(at: now)
    }
    now += RestartPolicy.windowNanoseconds + RestartPolicyTests.second
    _ = policy.ended(at: now)
    #expect(policy.startAt == now)
    #expect(policy.recentEnds == 1)
  }
}
