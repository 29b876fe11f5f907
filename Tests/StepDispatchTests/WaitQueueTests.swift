import Contracts
import RunStorage
import StepDispatch
import Testing

/// Workers are answered by names.
private typealias Queue = WaitQueueStateMachine<String>

extension Queue {
  fileprivate mutating func wait(_ request: WorkerPoll, _ reply: String) -> Int? {
    if case .wait(let number) = enqueue(request, reply) { number } else { nil }
  }

  fileprivate mutating func settle(_ slots: [ReservedSlot], _ steps: [LeasedStep] = [], now: UInt64 = 0) -> [Settled] {
    var grants = SlotGrants()
    for slot in slots { grants.reserve(slot) }
    for (slot, step) in zip(slots, steps) { grants.fill(slot, with: step) }
    return grants.grants.map { grant in
      switch settle(grant, now: now) {
      case .wait: .wait
      case .answer(let reply, let steps): .answer(reply, steps.numbers)
      case .release(let steps): .release(steps.numbers)
      case .keep(let worker, let batch): .keep(worker, batch)
      }
    }
  }
}

private enum Settled: Equatable {
  case wait
  case answer(String, [UInt64])
  case release([UInt64])
  case keep(String, Int)
}

@Suite struct WaitQueueTests {
  @Test func `slots go to the worker that waits longest, each worker as a whole`() {
    var queue = Queue()
    _ = queue.wait(request("a", slots: 2), "A")
    _ = queue.wait(request("b", ["other"], slots: 2), "B")
    _ = queue.wait(request("c", slots: 2), "C")
    #expect(queue.reserve("agent", count: 1, countMax: 8).map(\.worker) == ["a", "a"])
    #expect(queue.reserve("agent", count: 9, countMax: 1).map(\.worker) == ["c"])
    #expect(queue.reserve("agent", count: 9, countMax: 8).map(\.worker) == ["c"])
    #expect(queue.reserve("agent", count: 9, countMax: 8).isEmpty)
    #expect(queue.wantedJobTypes == ["other"])
  }

  @Test func `a worker is answered with the steps of its first grant and waits on without any`() {
    var queue = Queue()
    _ = queue.wait(request(slots: 3), "A")
    let first = queue.reserve("agent", count: 1, countMax: 1)
    let second = queue.reserve("agent", count: 1, countMax: 1)
    #expect(queue.settle(first) == [.wait])
    #expect(queue.settle(second, [leased(7)]) == [.answer("A", [7])])
    #expect(queue.wantedJobTypes.isEmpty)
  }

  @Test func `steps of a worker that was answered are kept until it asks again`() {
    var queue = Queue()
    _ = queue.wait(request(slots: 2), "A")
    let first = queue.reserve("agent", count: 1, countMax: 1)
    let second = queue.reserve("agent", count: 1, countMax: 1)
    _ = queue.settle(first, [leased(1)])
    #expect(queue.settle(second, [leased(2)]) == [.keep("w", 0)])
    guard case .answer(let steps) = queue.enqueue(request(), "A again") else {
      Issue.record("the worker waits")
      return
    }
    #expect(steps.numbers == [2])
    #expect(queue.keepExpired("w", batch: 0).isEmpty)
  }

  @Test func `late steps are for the worker that their leases name, whoever else waits`() {
    var queue = Queue()
    _ = queue.wait(request("w", slots: 2), "A")
    let first = queue.reserve("agent", count: 1, countMax: 1)
    let second = queue.reserve("agent", count: 1, countMax: 1)
    _ = queue.wait(request("x", slots: 2), "X")
    #expect(queue.settle(first, [leased(1)]) == [.answer("A", [1])])
    #expect(queue.settle(second, [leased(2)]) == [.keep("w", 0)])
  }

  @Test func `kept steps that nobody takes are given back, those of later grants are not`() {
    var queue = Queue()
    _ = queue.wait(request(slots: 3), "A")
    let slots = (0..<3).map { _ in queue.reserve("agent", count: 1, countMax: 1) }
    _ = queue.settle(slots[0], [leased(1)])
    _ = queue.settle(slots[1], [leased(2)])
    _ = queue.settle(slots[2], [leased(3)])
    #expect(queue.keepExpired("w", batch: 0).numbers == [2])
    #expect(queue.keepExpired("w", batch: 1).numbers == [3])
    #expect(queue.keepExpired("w", batch: 1).isEmpty)
  }

  @Test func `a worker gets of the kept steps what it asks for and has room for`() {
    var queue = Queue()
    _ = queue.wait(request("w", ["agent", "tool"], slots: 4), "A")
    let slots = (0..<4).map { _ in queue.reserve("agent", count: 1, countMax: 1) }
    _ = queue.settle(slots[0], [leased(1)])
    _ = queue.settle(slots[1], [leased(2, jobType: "tool")])
    _ = queue.settle(slots[2], [leased(3)])
    _ = queue.settle(slots[3], [leased(4)])
    guard case .answer(let steps) = queue.enqueue(request("w", ["agent"]), "B") else {
      Issue.record("the worker waits")
      return
    }
    #expect(steps.numbers == [3])
    #expect(queue.keepExpired("w", batch: 0).numbers == [2])
    #expect(queue.keepExpired("w", batch: 2).numbers == [4])
  }

  @Test func `a worker that has asked again in the meantime gets the late steps at once`() {
    var queue = Queue()
    _ = queue.wait(request(slots: 2), "A")
    let first = queue.reserve("agent", count: 1, countMax: 1)
    let second = queue.reserve("agent", count: 1, countMax: 1)
    _ = queue.settle(first, [leased(1)])
    _ = queue.wait(request("w", ["tool"]), "wrong type")
    _ = queue.wait(request("w"), "A again")
    #expect(queue.settle(second, [leased(2)]) == [.answer("A again", [2])])
  }

  @Test func `at its deadline an idle worker leaves, one with reserved slots is answered by their grant`() {
    var queue = Queue()
    let idle = queue.wait(request("a", deadline: 10), "A")
    #expect(queue.deadlinePassed(idle ?? -1) == "A")
    let busy = queue.wait(request("b", deadline: 10), "B")
    let slots = queue.reserve("agent", count: 1, countMax: 1)
    #expect(queue.deadlinePassed(busy ?? -1) == nil)
    #expect(queue.settle(slots, now: 11) == [.answer("B", [])])
  }

  @Test func `steps for a worker that has gone are kept, and given back once the queue is closed`() {
    var queue = Queue()
    let number = queue.wait(request(slots: 2), "A")
    let first = queue.reserve("agent", count: 1, countMax: 1)
    let second = queue.reserve("agent", count: 1, countMax: 1)
    queue.disconnected(number ?? -1)
    #expect(queue.settle(first) == [.wait])
    #expect(queue.close().isEmpty)
    #expect(queue.settle(second, [leased(1)]) == [.release([1])])
  }

  @Test func `a worker that ends is answered at once, or with what is under way for it, and gets nothing new`() {
    var queue = Queue()
    _ = queue.wait(request("w"), "idle")
    _ = queue.wait(request("w", ["tool"], slots: 2), "busy")
    _ = queue.wait(request("x"), "other")
    let first = queue.reserve("tool", count: 1, countMax: 1)
    let second = queue.reserve("tool", count: 1, countMax: 1)
    let left = queue.leave("w")
    #expect(left.idle == ["idle"] && left.kept.isEmpty)
    #expect(queue.wantedJobTypes == ["agent"])
    #expect(queue.settle(first, [leased(1)]) == [.wait], "the rest comes in the same answer")
    #expect(queue.reserve("tool", count: 9, countMax: 9).isEmpty, "no new steps for it")
    #expect(queue.settle(second, [leased(2)]) == [.answer("busy", [1, 2])])
    #expect(queue.reserve("agent", count: 9, countMax: 9).map(\.worker) == ["x"])
  }

  @Test func `a worker that ends without anything under way for it but empty grants is answered by them`() {
    var queue = Queue()
    _ = queue.wait(request("w", deadline: 1_000), "A")
    let slots = queue.reserve("agent", count: 1, countMax: 1)
    #expect(queue.leave("w").idle.isEmpty)
    #expect(queue.settle(slots) == [.answer("A", [])])
  }

  @Test func `what was kept for a worker that ends is given back`() {
    var queue = Queue()
    _ = queue.wait(request(slots: 2), "A")
    let first = queue.reserve("agent", count: 1, countMax: 1)
    let second = queue.reserve("agent", count: 1, countMax: 1)
    _ = queue.settle(first, [leased(1)])
    #expect(queue.settle(second, [leased(2)]) == [.keep("w", 0)])
    #expect(queue.leave("w").kept.numbers == [2])
    #expect(queue.keepExpired("w", batch: 0).isEmpty)
  }

  @Test func `a closed queue answers the idle at once, the others with all that is under way for them`() {
    var queue = Queue()
    _ = queue.wait(request("a"), "A")
    _ = queue.wait(request("b", ["tool"], slots: 2), "B")
    let first = queue.reserve("tool", count: 1, countMax: 1)
    let second = queue.reserve("tool", count: 1, countMax: 1)
    #expect(queue.close() == ["A"])
    #expect(queue.reserve("tool", count: 1, countMax: 1).isEmpty)
    #expect(queue.settle(first, [leased(1)]) == [.wait])
    #expect(queue.settle(second, [leased(2)]) == [.answer("B", [1, 2])])
    guard case .answer(let steps) = queue.enqueue(request(), "late") else {
      Issue.record("a worker waits at a closed queue")
      return
    }
    #expect(steps.isEmpty)
  }

  @Test func `a step is dispatched eagerly unless older ones wait or a limit of the tenant was met lately`() {
    var queue = Queue()
    _ = queue.wait(request(slots: 9), "A")
    #expect(queue.reserve("agent", for: tenant, now: 0) != nil)
    queue.setBacklogged("agent", true)
    #expect(queue.reserve("agent", for: tenant, now: 0) == nil)
    queue.setBacklogged("agent", false)
    queue.limitMet(tenant, now: 1)
    #expect(queue.reserve("agent", for: tenant, now: 30_000_000_000) == nil)
    #expect(queue.reserve("agent", for: otherTenant, now: 30_000_000_000) != nil)
    #expect(queue.reserve("agent", for: tenant, now: 30_000_000_001) != nil)
    #expect(queue.reserve("tool", for: tenant, now: 30_000_000_001) == nil)
  }
}
