import Budgets
import Testing

@Suite struct PrefetchedQuotaTests {
  @Test func `nothing is served without quota`() {
    var quota = PrefetchedQuota()
    #expect(quota.take([("a", 1)], at: 0) == nil)
    let (taken, generation) = quota.takePart("a", of: 10)
    #expect(taken == 0 && generation == 0)
    #expect(quota.settle("a", generation: 1, difference: 1, at: 0) == .unknown)
  }

  @Test func `the largest amounts do not trap`() {
    var quota = PrefetchedQuota()
    quota.granted("a", generation: 7, extra: .max, value: .max, limit: .min, at: 0)
    quota.granted("a", generation: 7, extra: .max, value: .min, limit: .max, at: 0)
    #expect(quota.settle("a", generation: 7, difference: .max, at: 1) == .excess(.max - Int64.max / 20))
    #expect(quota.settle("a", generation: 7, difference: .min, at: 1) == .kept)
    #expect(quota.settle("a", generation: 7, difference: .min, at: 1) == .kept)
    #expect(quota.takePart("a", of: .max).taken == .min)
    #expect(quota.putBack("a", generation: 7, .max) && quota.spent("a") != nil)
  }

  @Test func `all amounts are taken or none`() {
    var quota = PrefetchedQuota()
    quota.granted("a", generation: 7, extra: 100, value: 100, limit: 10_000, at: 0)
    quota.granted("b", generation: 8, extra: 5, value: 5, limit: 10_000, at: 0)
    #expect(quota.take([("a", 50), ("b", 6)], at: 1) == nil)
    #expect(quota.available("a") == 100)
    #expect(quota.take([("a", 50), ("b", 5)], at: 1) == [7, 8])
    #expect(quota.available("a") == 50 && quota.available("b") == 0)
  }

  @Test func `old quota is not spent and keeps nothing back`() {
    var quota = PrefetchedQuota()
    quota.granted("a", generation: 7, extra: 100, value: 100, limit: 10_000, at: 0)
    #expect(quota.take([("a", 1)], at: PrefetchedQuota.validNanoseconds) == nil)
    #expect(quota.settle("a", generation: 7, difference: 5, at: PrefetchedQuota.validNanoseconds) == .excess(105))
    #expect(quota.available("a") == 0)
  }

  @Test func `more than a twentieth of what is left is not kept`() {
    var quota = PrefetchedQuota()
    quota.granted("a", generation: 7, extra: 0, value: 9000, limit: 10_000, at: 0)
    // A call that had reserved 400 has used 10.
    #expect(quota.settle("a", generation: 7, difference: 390, at: 1) == .excess(340))
    #expect(quota.available("a") == 50 && quota.spent("a") == 8610)
  }

  @Test func `a debt is paid by the next who asks`() {
    var quota = PrefetchedQuota()
    quota.granted("a", generation: 7, extra: 0, value: 10, limit: 1000, at: 0)
    #expect(quota.settle("a", generation: 7, difference: -30, at: 1) == .kept)
    let (taken, generation) = quota.takePart("a", of: 10)
    #expect(taken == -30 && generation == 7)
  }

  @Test func `what was idle is returned, debts too`() {
    var quota = PrefetchedQuota()
    quota.granted("a", generation: 7, extra: 10, value: 10, limit: 1000, at: 5)
    quota.granted("b", generation: 8, extra: 10, value: 10, limit: 1000, at: 50)
    let idle = quota.release(unusedSince: 20)
    #expect(idle.count == 1 && idle[0].key == "a" && idle[0].amount == 10)
    #expect(quota.available("a") == 0 && quota.available("b") == 10)
  }

  /// A store as the scripts make it, and several processes with calls that use less or more time than others, less than
  /// they had reserved, and that ask the store while quota come and go.
  @Test(arguments: 0..<60)
  func `many processes never sell more than there is, and lose nothing`(_ seed: Int) {
    var random = Generator(state: UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1)
    let limit = Int64.random(in: 500...5000, using: &random)
    var (value, spent, served): (Int64, Int64, Int) = (0, 0, 0)
    var processes = Array(repeating: PrefetchedQuota(), count: 3)
    var open: [(process: Int, reserved: Int64)] = []
    var asking: [(process: Int, amount: Int64, taken: Int64, generation: Int64)] = []
    var now: UInt64 = 0
    for _ in 0..<4000 {
      now += UInt64.random(in: 0...20_000_000, using: &random)
      let index = Int.random(in: 0..<3, using: &random)
      switch Int.random(in: 0..<12, using: &random) {
      case 0..<5:
        let amount = Int64.random(in: 1...60, using: &random)
        if processes[index].take([("k", amount)], at: now) != nil {
          open.append((index, amount))
          served += 1
        } else {
          let part = processes[index].takePart("k", of: amount)
          asking.append((index, amount, part.taken, part.generation))
        }
      case 5..<7:
        guard !asking.isEmpty else { continue }
        let ask = asking.remove(at: Int.random(in: 0..<asking.count, using: &random))
        let need = ask.amount - ask.taken
        if need > 0, value + need > limit {
          if !processes[ask.process].putBack("k", generation: ask.generation, ask.taken) { value -= ask.taken }
          continue
        }
        let extra = max(0, min(ask.amount * 32, (limit - value - need) / PrefetchedQuota.keepDivisor))
        value += need + extra
        processes[ask.process].granted("k", generation: 1, extra: extra, value: value, limit: limit, at: now)
        open.append((ask.process, ask.amount))
      case 7..<11:
        guard !open.isEmpty else { continue }
        let call = open.remove(at: Int.random(in: 0..<open.count, using: &random))
        let used = Int64.random(in: 0...call.reserved, using: &random)
        spent += used
        switch processes[call.process].settle("k", generation: 1, difference: call.reserved - used, at: now) {
        case .kept: break
        case .excess(let excess): value -= excess
        case .unknown: value += used - call.reserved
        }
      default:
        for gift in processes[index].release(unusedSince: now &- PrefetchedQuota.validNanoseconds) {
          value -= gift.amount
        }
      }
      let prefetched = processes.reduce(Int64(0)) { $0 + $1.available("k") } + asking.reduce(0) { $0 + $1.taken }
      #expect(value == spent + open.reduce(0) { $0 + $1.reserved } + prefetched)
      #expect(value <= limit && prefetched >= 0)
    }
    #expect(served > 0)
  }

  private struct Generator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return state
    }
  }
}
