import AgentLoop
import Contracts
import JSON
import Testing

@testable import AgentWorker

@Suite struct LeaseMonitorTests {
  private static let second: UInt64 = 1_000_000_000

  @Test func `three heartbeats fit into a lease, and a lost one is made up for within it`() {
    var monitor = LeaseMonitor(lease: .seconds(15), now: 0, seed: 1)
    #expect(monitor.heard(sentAt: 0) == .beat(after: .seconds(5)))
    #expect(monitor.beatTimeout == .seconds(5))
    var waited = Duration.zero
    for _ in 0..<8 {
      guard case .beat(let pause) = monitor.unanswered(at: 5 * LeaseMonitorTests.second) else { return }
      #expect(pause > .zero && pause <= .seconds(1))
      waited += pause
    }
    #expect(waited < .seconds(8))
    #expect(monitor.heard(sentAt: 9 * LeaseMonitorTests.second) == .beat(after: .seconds(5)))
  }

  @Test func `the end of its time is no end of a lease; long silence is`() {
    var monitor = LeaseMonitor(lease: .milliseconds(300), now: 0, seed: 7)
    #expect(monitor.unanswered(at: 60 * LeaseMonitorTests.second) != .giveUp)
    #expect(monitor.unanswered(at: 901 * LeaseMonitorTests.second) == .giveUp)
    #expect(monitor.heard(sentAt: 900 * LeaseMonitorTests.second) == .beat(after: .milliseconds(100)))
    #expect(monitor.unanswered(at: 902 * LeaseMonitorTests.second) != .giveUp)
    // Times that go back harm nothing.
    #expect(monitor.unanswered(at: 0) != .giveUp)
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
    func entry(_ index: Int, _ bytes: Int) -> CallEntry {
      CallEntry(
        isModel: true, index: index, name: "m", requestSHA256: "d", result: Array(repeating: 0x31, count: bytes))
    }
    let many = CallBatches.split((0..<250).map { entry($0, 10) })
    #expect(many.map(\.count) == [100, 100, 50])
    let large = CallBatches.split((0..<5).map { entry($0, 3 << 20) })
    #expect(large.map(\.count) == [2, 2, 1])
    #expect(
      (many + large).allSatisfy { batch in zip(batch, batch.dropFirst()).allSatisfy { $0.index + 1 == $1.index } })
    #expect(CallBatches.split([]).isEmpty)
  }

  @Test(
    arguments: [
      "{}", "7", "{\"step_id\":\"s\"}",
      "{\"step_id\":\"s\",\"run_id\":\"r\",\"tenant_id\":\"t\",\"attempt\":1,\"token\":\"k\",\"lease_ms\":1,\"input\":1,\"journal\":[{}]}",
    ])
  func `a lease that cannot be read is none`(_ text: String) throws {
    #expect(LeasedStep(try JSONDocument(parsing: text).root) == nil)
  }

  @Test func `a lease says on whose behalf models are called, and how the attempt before failed`() throws {
    let text = """
      {"step_id":"s","run_id":"r","tenant_id":"t","attempt":2,"token":"k","lease_ms":1000,"input":1,"journal":[],\
      "principal":"key:a","previous_failure":{"code":"invalid_plan","message":"m","continues":true}}
      """
    let step = try #require(LeasedStep(try JSONDocument(parsing: text).root))
    #expect(step.principal == "key:a")
    #expect(step.start.previousFailure?.continues == true)
    // What is absent or of another kind is none.
    let bare = try #require(
      LeasedStep(
        try JSONDocument(
          parsing: text.replacing("{\"code\":\"invalid_plan\",", with: "[{").replacing(
            "true}}", with: "true}]}")
        ).root))
    #expect(bare.start.previousFailure == nil)
  }

  @Test func `absurd times of a lease are brought into bounds`() throws {
    for milliseconds in [Int64.min, -1, 0, Int64.max] {
      let lease = try LeasedStep.sample(lease: milliseconds).lease
      #expect(lease >= .milliseconds(100) && lease <= .seconds(86_400))
    }
  }
}
