import Contracts
import Primitives
import RunEngine
import Testing

private typealias Machine = ReplicaNotificationStateMachine

private let run = RunID(UUID(high: 1, low: 1))
private let second: UInt64 = 1_000_000_000

@Suite struct ReplicaNotificationTests {
  /// A replica that has received the heartbeat of another one.
  private func withOther(hasReaders: Bool = false) -> Machine {
    var machine = Machine(own: "me")
    _ = machine.message(now: 10 * second)
    _ = machine.received("you - \(hasReaders ? "readers" : "")", now: 10 * second)
    _ = machine.message(now: 10 * second)
    return machine
  }

  @Test func `a replica alone sends heartbeats only`() {
    var machine = Machine(own: "me")
    #expect(machine.stepsReady() == false)
    #expect(machine.message(now: 10 * second) == "me - ")
    #expect(machine.message(now: 14 * second) == nil)
    #expect(machine.message(now: 15 * second) == "me - ")
    #expect(!machine.hasOthers)
  }

  @Test func `the first message of another replica is answered with a heartbeat`() {
    var machine = Machine(own: "me")
    _ = machine.message(now: 10 * second)
    #expect(machine.received("you - ", now: 11 * second)?.wakesSender == true)
    #expect(machine.hasOthers)
    #expect(machine.idleUntil == nil)
    #expect(machine.message(now: 11 * second) == "me - ")
    #expect(machine.received("you - ", now: 12 * second)?.wakesSender == false)
  }

  @Test func `own messages and those of another form are ignored`() {
    var machine = Machine(own: "me")
    #expect(machine.received("me w *", now: 1) == nil)
    #expect(machine.received("nonsense", now: 1) == nil)
    #expect(!machine.hasOthers)
  }

  @Test func `others are notified of ready steps, the first of them wakes the sender`() {
    var machine = withOther()
    #expect(machine.stepsReady() == true)
    #expect(machine.stepsReady() == false)
    #expect(machine.message(now: 11 * second) == "me w ")
    #expect(machine.message(now: 11 * second) == nil)
  }

  @Test func `others are notified of changed runs only where somebody watches`() {
    var without = withOther()
    #expect(without.runChanged(run) == false)
    #expect(without.message(now: 11 * second) == nil)
    var with = withOther(hasReaders: true)
    #expect(with.runChanged(run) == true)
    #expect(with.message(now: 11 * second) == "me - \(run)")
  }

  @Test func `too many runs become all runs`() {
    var machine = withOther(hasReaders: true)
    for number in 0...201 { _ = machine.runChanged(RunID(UUID(high: 2, low: UInt64(number)))) }
    #expect(machine.message(now: 11 * second) == "me - *")
  }

  @Test func `new readers elsewhere are notified that any run may have changed`() {
    var machine = withOther()
    #expect(machine.received("you - readers", now: 11 * second)?.wakesSender == true)
    #expect(machine.message(now: 11 * second) == "me - *")
  }

  @Test func `others are notified of readers here with a heartbeat, at most every five seconds`() {
    var machine = withOther()
    #expect(machine.readerCame(now: 11 * second) == true)
    #expect(machine.message(now: 11 * second) == "me - readers")
    #expect(machine.readerCame(now: 12 * second) == false)
    #expect(machine.readerCame(now: 17 * second) == true)
  }

  @Test func `a replica that sends nothing for long is taken for gone`() {
    var machine = withOther(hasReaders: true)
    _ = machine.message(now: 26 * second)
    #expect(machine.hasOthers)
    _ = machine.message(now: 26 * second + 1)
    #expect(!machine.hasOthers)
  }

  @Test func `a message has the changed runs and whether steps are ready`() {
    var machine = withOther()
    let heard = machine.received("you w \(run),*", now: 11 * second)
    #expect(heard?.hasSteps == true)
    #expect(heard?.runs == [run])
    #expect(heard?.isForAllRuns == true)
  }
}
