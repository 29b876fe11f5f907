import AuditChain
import Primitives
import Testing

@testable import GatewayAudit

/// What is written at once, and what may wait for others.
@Suite struct AuditQueueTests {
  private func item(_ waiter: Int? = nil) -> AuditQueue<Int>.Item {
    .init(
      chain: .installation,
      entry: AuditEntry(.outcome, request: UUID(high: 0, low: 1), time: Timestamp(unixMicroseconds: 0)), waiter: waiter)
  }

  @Test func `what somebody waits for is urgent, what nobody waits for is not until there is much of it`() {
    var queue = AuditQueue<Int>()
    #expect(!queue.isUrgent)
    queue.add(item())
    #expect(!queue.isUrgent)
    queue.add(item(1))
    #expect(queue.isUrgent)
    let batch = queue.takeBatch()
    #expect(batch.count == 2 && !queue.isUrgent)
    // Entries that go back have nobody any more.
    let left = queue.failed(batch, attempted: nil)
    #expect(left == [1])
    #expect(queue.count == 1 && !queue.isUrgent)
    for _ in 1..<AuditQueue<Int>.urgentCount { queue.add(item()) }
    #expect(queue.isUrgent)
  }
}

extension AuditQueue {
  fileprivate mutating func add(_ item: Item) {
    let isAdded = append(item)
    #expect(isAdded)
  }
}
