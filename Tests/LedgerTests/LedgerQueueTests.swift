import Primitives
import Testing

@testable import Ledger

/// Rows that wait: inputs and what the writer does.
@Suite struct LedgerQueueTests {
  private func row(_ number: Int) -> LedgerQueue.Row {
    LedgerQueue.Row(id: UUID(high: 1, low: UInt64(number)), bytes: [UInt8(truncatingIfNeeded: number)])
  }

  @Test func `rows are written in their order, and one task writes at a time`() {
    var queue = LedgerQueue()
    #expect(queue.nextBatch() == .none)
    queue.append(row(1))
    queue.append(row(2))
    #expect(queue.nextBatch() == .write([row(1), row(2)]))
    queue.append(row(3))
    #expect(queue.nextBatch() == .waitForOther)
    queue.written(2, isConfirmed: true)
    #expect(queue.nextBatch() == .write([row(3)]))
  }

  @Test func `rows that could not be written wait on, before what came since`() {
    var queue = LedgerQueue()
    queue.append(row(1))
    _ = queue.nextBatch()
    queue.append(row(2))
    queue.written(1, isConfirmed: false)
    #expect(queue.nextBatch() == .write([row(1), row(2)]))
    #expect(queue.count == 2, "they count until they are in the table")
  }

  @Test func `batches are bounded, and so is what waits`() {
    var queue = LedgerQueue()
    for number in 0..<LedgerQueue.waitingMax {
      #expect(queue.hasBatch == (number >= LedgerQueue.batchUsual))
      #expect(queue.isAccepting)
      queue.append(row(number))
    }
    #expect(!queue.isAccepting)
    guard case .write(let batch) = queue.nextBatch() else {
      Issue.record("nothing to write")
      return
    }
    #expect(batch.count == LedgerQueue.batchMax)
    queue.written(batch.count, isConfirmed: true)
    #expect(queue.isAccepting && queue.count == LedgerQueue.waitingMax - LedgerQueue.batchMax)
  }
}
