import AgentMCP
import MCP
import Testing

/// When a server is started, left alone and stopped.
struct SupervisionTests {
  private let second: UInt64 = 1_000_000_000

  @Test func failuresMakePausesLonger() {
    var machine = SupervisionStateMachine()
    var now: UInt64 = 1
    var pauses: [UInt64] = []
    for _ in 0..<10 {
      #expect(machine.callArrives(now: now, deadline: .max) == .start)
      #expect(machine.callArrives(now: now, deadline: .max) == .wait)
      machine.failed(MCPError(.closed, "gone"), now: now, jitter: 0)
      guard case .pausing(let until) = machine.state else { return #expect(Bool(false)) }
      pauses.append((until - now) / 1_000_000)
      now = until
    }
    #expect(pauses == [500, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000])
  }

  @Test func callsAreRefusedAfterFiveFailures() {
    var machine = SupervisionStateMachine()
    var now: UInt64 = 1
    for _ in 0..<5 {
      #expect(machine.callArrives(now: now, deadline: .max) == .start)
      machine.failed(MCPError(.closed, "gone"), now: now, jitter: 0)
      guard case .pausing(let until) = machine.state else { return #expect(Bool(false)) }
      if machine.failures < 5 { #expect(machine.callArrives(now: now, deadline: .max) == .pause(until)) }
      if machine.failures == 5 {
        guard case .refuse(let error) = machine.callArrives(now: now, deadline: .max) else {
          return #expect(Bool(false))
        }
        #expect(error.reason == .unavailable)
      }
      now = until
    }
    #expect(machine.callArrives(now: now, deadline: .max) == .start)
    machine.started()
    #expect(machine.isOpen)
    #expect(machine.callEnded(nil, now: now) == false)
    #expect(!machine.isOpen)
  }

  @Test func aCallThatCannotWaitIsRefused() {
    var machine = SupervisionStateMachine()
    _ = machine.callArrives(now: 1, deadline: .max)
    machine.failed(MCPError(.closed, "gone"), now: 1, jitter: 1)
    guard case .refuse = machine.callArrives(now: 2, deadline: 1000) else { return #expect(Bool(false)) }
  }

  @Test func timeoutsInARowAskForANewConnection() {
    var machine = SupervisionStateMachine()
    _ = machine.callArrives(now: 1, deadline: .max)
    machine.started()
    let late = MCPError(.timedOut, "late")
    let errors = [late, late, MCPError(.refused, "no"), late, late, late]
    let answers = errors.map { machine.callEnded($0, now: 2) }
    #expect(answers == [false, false, false, false, false, true])
  }

  @Test func nobodyUsesIt() {
    var machine = SupervisionStateMachine()
    _ = machine.callArrives(now: 1, deadline: .max)
    machine.started()
    let looks: [(UInt64, Int)] = [(299, 0), (301, 1), (301, 0)]
    let found = looks.map { machine.becomesIdle(now: $0.0 * second, pendingCalls: $0.1) }
    #expect(found == [false, false, true])
    #expect(machine.callArrives(now: 302 * second, deadline: .max) == .start)
  }
}
