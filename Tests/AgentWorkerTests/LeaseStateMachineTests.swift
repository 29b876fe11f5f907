import AgentLoop
import Contracts
import JSON
import Testing

@testable import AgentWorker

@Suite struct LeaseStateMachineTests {
  private static let second: UInt64 = 1_000_000_000

  private static func machine(lease: Duration = .seconds(15), seed: UInt64 = 1) -> LeaseStateMachine {
    LeaseStateMachine(lease: lease, now: 0, seed: seed)
  }

  private static func entry(_ index: Int, bytes: Int = 10) -> CallReport {
    CallReport(
      kind: .model, index: index, name: "m", requestSHA256: "d", result: Array(repeating: 0x31, count: bytes))
  }

  private static func success(_ calls: [CallReport] = [], bytes: Int = 2) -> AttemptOutcome {
    .success(AttemptResult(output: Array(repeating: 0x31, count: bytes), calls: calls))
  }

  private static let away = LinkAnswer.unavailable(reason: "r")
  private static let refusal = LinkAnswer.refused(code: "c", detail: "d")

  // MARK: Heartbeats

  @Test func `three heartbeats fit into a lease, and a lost one is made up for within it`() {
    var machine = Self.machine()
    #expect(machine.heartbeatAnswered(.accepted, sentAt: 0, now: 0) == .send(after: .seconds(5)))
    #expect(machine.heartbeatTimeout == .seconds(5))
    var waited = Duration.zero
    for _ in 0..<8 {
      let action = machine.heartbeatAnswered(Self.away, sentAt: 5 * Self.second, now: 5 * Self.second)
      guard case .send(let pause) = action else {
        Issue.record("no heartbeat follows")
        return
      }
      #expect(pause > .zero && pause <= .seconds(1))
      waited += pause
    }
    #expect(waited < .seconds(8))
    let again = machine.heartbeatAnswered(.repeated, sentAt: 9 * Self.second, now: 9 * Self.second)
    #expect(again == .send(after: .seconds(5)))
  }

  @Test func `the end of its time is no end of a lease; long silence is`() {
    var machine = Self.machine(lease: .milliseconds(300), seed: 7)
    #expect(machine.heartbeatAnswered(Self.away, sentAt: 0, now: 60 * Self.second) != .end(.silent))
    #expect(machine.heartbeatAnswered(Self.refusal, sentAt: 0, now: 901 * Self.second) == .end(.silent))
    // An answer to a report counts too.
    _ = machine.record([Self.entry(0)])
    _ = machine.reportAnswered(.accepted, sentAt: 900 * Self.second, now: 901 * Self.second)
    #expect(machine.heartbeatAnswered(Self.away, sentAt: 0, now: 902 * Self.second) != .end(.silent))
    // Times that go back harm nothing.
    #expect(machine.heartbeatAnswered(Self.away, sentAt: 0, now: 0) != .end(.silent))
  }

  @Test func `a lost lease ends the attempt, but not while its outcome is on its way`() {
    var machine = Self.machine()
    #expect(machine.heartbeatAnswered(.lost, sentAt: 0, now: 0) == .end(.lost))
    _ = machine.deliver(Self.success())
    #expect(machine.heartbeatAnswered(.lost, sentAt: 0, now: 0) == .stop)
  }

  // MARK: Reports

  @Test func `calls are recorded batch by batch, each until it is taken`() {
    var machine = Self.machine()
    let calls = (0..<150).map { Self.entry($0) }
    guard case .record(let first) = machine.record(calls) else {
      Issue.record("nothing is recorded")
      return
    }
    #expect(first.count == 100)
    guard case .wait(let pause) = machine.reportAnswered(Self.away, sentAt: 0, now: 1) else {
      Issue.record("no pause")
      return
    }
    #expect(pause > .zero && pause <= .seconds(2))
    guard case .record(let again) = machine.retry() else {
      Issue.record("not sent again")
      return
    }
    #expect(again.map(\.index) == first.map(\.index))
    // Recorded by a request whose answer was lost.
    guard case .record(let second) = machine.reportAnswered(.repeated, sentAt: 1, now: 1) else {
      Issue.record("no second batch")
      return
    }
    #expect(second.map(\.index) == Array(100..<150))
    guard case .recorded = machine.reportAnswered(.accepted, sentAt: 2, now: 2) else {
      Issue.record("not done")
      return
    }
    guard case .recorded = machine.record([]) else {
      Issue.record("nothing to do")
      return
    }
  }

  @Test func `calls that cannot be recorded fail the attempt for good`() {
    var machine = Self.machine()
    _ = machine.record([Self.entry(0)])
    guard case .failed(let failure) = machine.reportAnswered(Self.refusal, sentAt: 0, now: 0) else {
      Issue.record("no failure")
      return
    }
    #expect(failure.code == "record_refused" && !failure.isRetryable && failure.message.hasSuffix("(c): d"))
  }

  @Test func `a report ends with the lease, and with long silence`() {
    for (answer, now, end) in [
      (LinkAnswer.lost, 1, LeaseStateMachine.End.lost), (Self.away, 901 * Self.second, .silent),
    ] {
      var machine = Self.machine()
      _ = machine.deliver(Self.success())
      guard case .end(let reason) = machine.reportAnswered(answer, sentAt: 0, now: now) else {
        Issue.record("it goes on")
        continue
      }
      #expect(reason == end)
    }
  }

  @Test func `an outcome is delivered once, with its calls`() {
    var machine = Self.machine()
    guard case .deliver(let sent) = machine.deliver(Self.success([Self.entry(0)])) else {
      Issue.record("nothing is delivered")
      return
    }
    #expect(sent.calls.count == 1)
    guard case .wait = machine.reportAnswered(Self.away, sentAt: 0, now: 0), case .deliver(let again) = machine.retry()
    else {
      Issue.record("not sent again")
      return
    }
    #expect(again.calls.count == 1)
    guard case .finished(isDelivered: true) = machine.reportAnswered(.accepted, sentAt: 0, now: 0) else {
      Issue.record("not delivered")
      return
    }
  }

  @Test func `calls that stand in the journal already are left out of the outcome`() {
    var machine = Self.machine()
    _ = machine.deliver(Self.success([Self.entry(0)]))
    guard case .deliver(let alone) = machine.reportAnswered(.repeated, sentAt: 0, now: 0) else {
      Issue.record("not sent again")
      return
    }
    #expect(alone.calls.isEmpty)
    guard case .finished(isDelivered: false) = machine.reportAnswered(.repeated, sentAt: 0, now: 0) else {
      Issue.record("sent for ever")
      return
    }
  }

  @Test func `a refused outcome becomes one failure that says so`() {
    for (code, expected) in [("c", "result_refused"), ("body_too_large", "result_too_large")] {
      var machine = Self.machine()
      _ = machine.deliver(Self.success())
      let action = machine.reportAnswered(.refused(code: code, detail: "d"), sentAt: 0, now: 0)
      guard case .deliver(.failure(let failure)) = action else {
        Issue.record("no failure")
        continue
      }
      #expect(failure.code == expected && !failure.isRetryable)
      guard case .finished(isDelivered: false) = machine.reportAnswered(Self.refusal, sentAt: 0, now: 0) else {
        Issue.record("sent for ever")
        continue
      }
    }
  }

  @Test func `what does not fit into one request is sent in two, and a refused record is delivered as a failure`() {
    for (answer, isFailure) in [(LinkAnswer.accepted, false), (Self.refusal, true)] {
      var machine = Self.machine()
      guard case .record(let calls) = machine.deliver(Self.success([Self.entry(0, bytes: 4 << 20)], bytes: 4 << 20))
      else {
        Issue.record("the calls do not go first")
        continue
      }
      #expect(calls.count == 1)
      // The outcome is not on its way yet.
      #expect(machine.heartbeatAnswered(.lost, sentAt: 0, now: 0) == .end(.lost))
      guard case .deliver(let outcome) = machine.reportAnswered(answer, sentAt: 0, now: 0) else {
        Issue.record("no outcome")
        continue
      }
      #expect(outcome.calls.isEmpty)
      if case .failure(let failure) = outcome {
        #expect(isFailure && failure.code == "record_refused")
      } else {
        #expect(!isFailure)
      }
    }
  }

  @Test func `pauses grow to their limit and differ by their seeds`() {
    var one = Backoff(first: .milliseconds(100), max: .seconds(1), seed: 1)
    var two = Backoff(first: .milliseconds(100), max: .seconds(1), seed: 2)
    let (first, second) = ((0..<20).map { _ in one.pause() }, (0..<20).map { _ in two.pause() })
    #expect(first != second)
    for (index, pause) in first.enumerated() {
      let full = min(Duration.milliseconds(100 << min(index, 10)), .seconds(1))
      #expect(pause >= full / 2 && pause <= full)
    }
  }

  @Test func `batches keep the order and the limits`() {
    let many = CallBatches.split((0..<250).map { Self.entry($0) })
    #expect(many.map(\.count) == [100, 100, 50])
    let large = CallBatches.split((0..<5).map { Self.entry($0, bytes: 3 << 20) })
    #expect(large.map(\.count) == [2, 2, 1])
    #expect(
      (many + large).allSatisfy { batch in zip(batch, batch.dropFirst()).allSatisfy { $0.index + 1 == $1.index } })
    #expect(CallBatches.split([]).isEmpty)
  }

  @Test func `a lease whose record cannot be read is none`() throws {
    #expect(try LeasedStep.parse(journal: "[{}]") == nil)
    #expect(try LeasedStep.parse(journal: #"[{"kind":"model","call":{"request_sha256":"d"},"result":1}]"#) != nil)
  }

  @Test func `a lease says what the worker may do for the step, and how the attempt before failed`() throws {
    let failed = #","previous_failure":{"code":"invalid_plan","message":"m","continues":true}"#
    let step = try #require(try LeasedStep.parse(more: failed))
    #expect(step.assertion.text == "v1.a")
    #expect(step.start.previousFailure?.continues == true)
    // What is absent or of another kind is none.
    #expect(try LeasedStep.parse()?.start.previousFailure == nil)
    #expect(try #require(try LeasedStep.parse(more: #","previous_failure":[1]"#)).start.previousFailure == nil)
  }

  @Test func `absurd times of a lease are brought into bounds`() throws {
    for milliseconds in [Int64.min, -1, 0, Int64.max] {
      let lease = try LeasedStep.sample(lease: milliseconds).lease
      #expect(lease >= .milliseconds(100) && lease <= .seconds(86_400))
    }
  }
}
