import Contracts
import GatewayRequests
import Primitives
import Testing

@testable import GatewayAccounts

@Suite struct FreshCacheTests {
  private typealias Cache = FreshCache<Int, String?>
  private let limits = Cache.Limits(fresh: 5_000, grace: 10_000)

  private func known(_ lookup: Cache.Lookup) -> String? { if case .known(let value) = lookup { value } else { nil } }

  private func ticket(_ lookup: Cache.Lookup) -> Cache.Ticket? {
    if case .ask(let ticket, _) = lookup { ticket } else { nil }
  }

  private func fallback(_ lookup: Cache.Lookup) -> String? {
    if case .ask(_, let fallback) = lookup { fallback ?? nil } else { nil }
  }

  @Test func `a value is used for its time, then one asks and the others go on, then it is forgotten`() throws {
    var cache = Cache(countMax: 10, absencesMax: 10)
    let first = try #require(ticket(cache.lookup(1, limits, now: 0)))
    cache.put(1, "a", isAbsence: false, first, now: 0)
    #expect(known(cache.lookup(1, limits, now: 4_999)) == "a")
    #expect(fallback(cache.lookup(1, limits, now: 5_000)) == "a")
    #expect(known(cache.lookup(1, limits, now: 5_001)) == "a")
    #expect(known(cache.lookup(1, limits, now: 9_999)) == "a")
    let late = cache.lookup(1, limits, now: 10_000)
    #expect(ticket(late) != nil && fallback(late) == nil)
  }

  @Test func `an answer that is older than a change is not kept`() throws {
    var cache = Cache(countMax: 10, absencesMax: 10)
    let one = try #require(ticket(cache.lookup(1, limits, now: 0)))
    let two = try #require(ticket(cache.lookup(2, limits, now: 0)))
    cache.remove(1)
    cache.put(1, "before", isAbsence: false, one, now: 0)
    cache.put(2, "b", isAbsence: false, two, now: 0)
    #expect(ticket(cache.lookup(1, limits, now: 1)) != nil)
    #expect(known(cache.lookup(2, limits, now: 1)) == "b")
    let three = try #require(ticket(cache.lookup(3, limits, now: 1)))
    cache.removeAll { $0 == "nobody" }
    cache.put(3, "c", isAbsence: false, three, now: 1)
    #expect(ticket(cache.lookup(3, limits, now: 2)) != nil)
    #expect(known(cache.lookup(2, limits, now: 2)) == "b")
    // So many changes that they are not remembered one by one.
    let four = try #require(ticket(cache.lookup(4, limits, now: 2)))
    for key in 100..<1200 { cache.remove(key) }
    cache.put(4, "d", isAbsence: false, four, now: 2)
    #expect(ticket(cache.lookup(4, limits, now: 3)) != nil)
  }

  @Test func `a flood of ids that lead nowhere drives out nothing, and takes no more memory`() throws {
    var cache = Cache(countMax: 100, absencesMax: 64)
    let first = try #require(ticket(cache.lookup(0, limits, now: 0)))
    cache.put(0, "good", isAbsence: false, first, now: 0)
    for key in 1...10_000 {
      let asked = try #require(ticket(cache.lookup(key, limits, now: 1)))
      cache.put(key, nil, isAbsence: true, asked, now: 1)
      #expect(cache.count <= 164)
    }
    #expect(known(cache.lookup(0, limits, now: 2)) == "good")
    guard case .known(nil) = cache.lookup(10_000, limits, now: 2) else {
      Issue.record("the last absence is not known")
      return
    }
  }

  @Test func `what is looked at stays while others come and go`() throws {
    var cache = Cache(countMax: 100, absencesMax: 10)
    for key in 0..<2_000 {
      let asked = try #require(ticket(cache.lookup(key, limits, now: 0)))
      cache.put(key, "v", isAbsence: false, asked, now: 0)
      #expect(known(cache.lookup(0, limits, now: 1)) == "v")
      #expect(cache.count <= 102)
    }
  }

  @Test func `a key is noted once a minute, and no more are kept than there is room for`() {
    var usage = KeyUsage()
    func record(_ id: APIKeyID) -> APIKeyRecord { Sample.key(id: id) }
    let id = APIKeyID(UUID(high: 1, low: 1))
    let start = Timestamp(unixMicroseconds: 1_000_000_000)
    for second in 0..<59 { usage.used(record(id), at: start + .seconds(second)) }
    #expect(usage.take(10).map(\.at) == [start])
    usage.used(record(id), at: start + .seconds(60))
    #expect(usage.take(10).count == 1)
    for number in 0..<(KeyUsage.keysMax + 100) {
      usage.used(record(APIKeyID(UUID(high: 2, low: UInt64(number)))), at: start)
    }
    #expect(usage.take(.max).count == KeyUsage.keysMax)
    #expect(usage.take(10).isEmpty)
  }
}
