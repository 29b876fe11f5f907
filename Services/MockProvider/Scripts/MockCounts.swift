package import HTTPWire
internal import JSON
package import Synchronization

/// What was counted since the start or the last reset. Tests compare it with what the router has accounted.
package final class MockCounts: Sendable {
  package let calls = Atomic<Int>(0)
  package let refused = Atomic<Int>(0)
  /// Calls whose caller went away before the end of the answer.
  package let cancelled = Atomic<Int>(0)
  /// Answers that were broken off by script.
  package let broken = Atomic<Int>(0)
  package let running = Atomic<Int>(0)
  package let inputTokens = Atomic<Int>(0)
  package let cacheReadTokens = Atomic<Int>(0)
  package let cacheWriteTokens = Atomic<Int>(0)
  package let outputTokens = Atomic<Int>(0)

  /// The last request.
  package struct Last: Sendable {
    package var path = ""
    package var trace: String?
    package var headers = HTTPHeaders()
    package var body: [UInt8] = []
  }
  package let last = Mutex(Last())

  /// Nothing was counted yet.
  package init() {}

  func record(_ request: Last) { last.withLock { $0 = request } }

  /// Tokens of answers that were given to their end.
  func settle(_ answer: MockAnswer, output: Bool = true) {
    inputTokens.add(Int(answer.inputTokens), ordering: .relaxed)
    cacheReadTokens.add(Int(answer.cacheReadTokens), ordering: .relaxed)
    cacheWriteTokens.add(Int(answer.cacheWriteTokens), ordering: .relaxed)
    if output { outputTokens.add(Int(answer.outputTokens), ordering: .relaxed) }
  }

  func reset() {
    calls.store(0, ordering: .relaxed)
    refused.store(0, ordering: .relaxed)
    cancelled.store(0, ordering: .relaxed)
    broken.store(0, ordering: .relaxed)
    inputTokens.store(0, ordering: .relaxed)
    cacheReadTokens.store(0, ordering: .relaxed)
    cacheWriteTokens.store(0, ordering: .relaxed)
    outputTokens.store(0, ordering: .relaxed)
  }

  func write(to writer: inout JSONWriter) {
    func count(_ name: String, _ counter: borrowing Atomic<Int>) {
      writer.member(name, Int64(counter.load(ordering: .relaxed)))
    }
    count("calls", calls)
    count("refused", refused)
    count("cancelled", cancelled)
    count("broken", broken)
    count("running", running)
    count("input_tokens", inputTokens)
    count("cache_read_tokens", cacheReadTokens)
    count("cache_write_tokens", cacheWriteTokens)
    count("output_tokens", outputTokens)
    writer.member("last_trace_id", orNull: last.withLock { $0.trace })
  }
}
