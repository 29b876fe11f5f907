import Primitives
import RunStorage
import StepDispatch
import Testing

private let middle = UUID(high: 5, low: 5)

@Suite struct ClaimStateMachineTests {
  /// Makes one claim of `slots` slots that finds `result`.
  private func claim(
    _ machine: inout ClaimStateMachine, slots: Int = 4, now: UInt64 = 0, _ result: ClaimResult
  ) -> (scan: ClaimScan, isFull: Bool) {
    let claim = machine.claim("agent", count: slots, now: now)
    return (claim.scan, machine.claimed(result, by: claim, slots: slots))
  }

  @Test func `one round is under way at a time, and what is notified meanwhile makes another one follow`() {
    var machine = ClaimStateMachine()
    #expect(machine.requestRound(hasWaiters: false) == false)
    #expect(machine.requestRound(hasWaiters: true) == true)
    machine.beginRound()
    #expect(machine.requestRound(hasWaiters: true) == false)
    #expect(machine.endRound() == true)
    #expect(machine.requestRound(hasWaiters: true) == false, "the round that follows is under way")
    machine.beginRound()
    #expect(machine.endRound() == false)
    #expect(machine.requestRound(hasWaiters: true) == true)
  }

  @Test func `an empty queue is not read again before something is notified`() {
    var machine = ClaimStateMachine()
    machine.notified(steps: 1)
    #expect(machine.mayHaveSteps("agent"))
    machine.beginScan("agent")
    _ = claim(&machine, ClaimResult())
    machine.endScan("agent")
    #expect(!machine.mayHaveSteps("agent"))
    machine.notified(steps: 1)
    #expect(machine.mayHaveSteps("agent"))
  }

  @Test func `a notification during a claim is newer than what the claim saw`() {
    var machine = ClaimStateMachine()
    machine.notified(steps: 1)
    machine.beginScan("agent")
    let begun = machine.claim("agent", count: 4, now: 0)
    machine.notified(steps: 1)
    _ = machine.claimed(ClaimResult(), by: begun, slots: 4)
    #expect(machine.mayHaveSteps("agent"))
  }

  @Test func `steps behind a limit keep the queue from counting as empty`() {
    var machine = ClaimStateMachine()
    machine.notified(steps: 1)
    machine.beginScan("agent")
    _ = claim(&machine, ClaimResult(hasBlocked: true))
    #expect(machine.mayHaveSteps("agent"))
    #expect(machine.hasBlocked)
    _ = claim(&machine, ClaimResult())
    #expect(!machine.hasBlocked)
  }

  @Test func `the oldest bucket is taken for granted for a second`() {
    var machine = ClaimStateMachine()
    machine.beginScan("agent")
    #expect(claim(&machine, ClaimResult(oldest: 7)).scan.bucket == 0)
    #expect(claim(&machine, now: 999_999_999, ClaimResult(oldest: 9)).scan.bucket == 7)
    #expect(claim(&machine, now: 1_000_000_000, ClaimResult(oldest: 9)).scan.bucket == 0)
    #expect(claim(&machine, now: 1_000_000_001, ClaimResult()).scan.bucket == 9)
  }

  @Test func `no more slots are reserved than steps are expected, but one`() {
    var machine = ClaimStateMachine()
    #expect(machine.slotsWanted == 1)
    machine.notified(steps: 3)
    #expect(machine.slotsWanted == 4)
    machine.beginScan("agent")
    let full = claim(&machine, slots: 1, ClaimResult(steps: [leased(1)], oldest: 1))
    #expect(full.isFull)
    #expect(machine.slotsWanted == ClaimStateMachine.stepsMax + 1)
    #expect(!claim(&machine, slots: 2, ClaimResult(steps: [leased(2)], oldest: 1)).isFull)
    #expect(machine.slotsWanted == 1)
  }
}

@Suite struct ClaimCursorTests {
  @Test func `a scan that was cut off goes on behind the cut until everything was read`() {
    var cursor = ClaimCursor()
    cursor.begin()
    let first = cursor.next(4, from: 3)
    #expect(first.bucket == 3)
    #expect(first.tenant == ClaimScan.start)
    cursor.advance(ClaimResult(queueCursor: (5, middle)), first)
    #expect(cursor.mayFindMore)
    let second = cursor.next(4, from: 3)
    #expect(second.bucket == 5)
    #expect(second.tenant == middle)
    cursor.advance(ClaimResult(), second)
    // Everything behind the cut was read, but not from the start.
    #expect(cursor.mayFindMore)
    cursor.advance(ClaimResult(), cursor.next(4, from: 3))
    #expect(!cursor.mayFindMore)
  }

  @Test func `the blocked steps have a cursor of their own`() {
    var cursor = ClaimCursor()
    cursor.begin()
    cursor.advance(ClaimResult(blockedCursor: (middle, "lock:a")), cursor.next(4, from: 0))
    #expect(cursor.mayFindMore)
    let next = cursor.next(4, from: 0)
    #expect(next.blockedTenant == middle)
    #expect(next.blockedKey == "lock:a")
  }

  @Test func `the window grows while steps turn out to be blocked, up to a bound`() {
    var cursor = ClaimCursor()
    cursor.begin()
    var windows: [Int] = []
    for _ in 0..<8 {
      let scan = cursor.next(4, from: 0)
      windows.append(scan.window)
      cursor.advance(ClaimResult(moved: 1), scan)
      #expect(cursor.mayFindMore)
    }
    #expect(windows == [4, 8, 16, 32, 64, 128, 256, 256])
    cursor.begin()
    #expect(cursor.next(4, from: 0).window == 4)
  }
}
