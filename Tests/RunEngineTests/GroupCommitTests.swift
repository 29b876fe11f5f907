import Reactor
import RunEngine
import Synchronization
import Testing

/// Commits that wait until they are let through.
private final class Gate: Sendable {
  private struct State {
    var batches: [[Int]] = []
    var isOpen = false
    var waiting: [CheckedContinuation<Void, Never>] = []
  }

  private let state = Mutex(State())

  var batches: [[Int]] { state.withLock { $0.batches } }

  func commit(_ batch: [Int]) async throws -> [Int] {
    await withCheckedContinuation { continuation in
      let isOpen = state.withLock { state in
        state.batches.append(batch)
        if !state.isOpen { state.waiting.append(continuation) }
        return state.isOpen
      }
      if isOpen { continuation.resume() }
    }
    if batch.contains(13) { throw Refused() }
    return batch.map { $0 * 10 }
  }

  func open() {
    let waiting = state.withLock { state in
      state.isOpen = true
      return state.waiting
    }
    for continuation in waiting { continuation.resume() }
  }

  struct Refused: Error {}
}

@Suite struct GroupCommitTests {
  /// Submits `items` on one loop, each by itself and in this order; the first commit is let through when all have
  /// arrived.
  private func outputs(
    _ items: [Int], itemsMax: Int = 128, waitingMax: Int = 100, bytesMax: Int = 1000,
    waitingBytesMax: Int = 1000
  ) async throws -> (outputs: [Int?], batches: [[Int]]) {
    let group = EventLoopGroup(count: 1)
    let gate = Gate()
    let outputs = try await group.loops[0].task {
      let commit = GroupCommit<Int, Int>(
        loop: group.loops[0], itemsMax: itemsMax, waitingMax: waitingMax, bytesMax: bytesMax,
        waitingBytesMax: waitingBytesMax, size: { $0 }, commit: gate.commit)
      let first = group.loops[0].task { try await commit.submit(items[0]) }
      while gate.batches.isEmpty { await Task.yield() }
      let others = items.dropFirst().map { item in group.loops[0].task { try await commit.submit(item) } }
      // Those tasks run in order before this one goes on.
      for _ in 0..<10 { await Task.yield() }
      gate.open()
      var outputs: [Int?] = []
      for task in [first] + others { outputs.append(try? await task.value) }
      return outputs
    }.value
    group.stop()
    return (outputs, gate.batches)
  }

  @Test func `what arrives during a commit is committed together`() async throws {
    let (outputs, batches) = try await outputs([1, 2, 3, 4])
    #expect(outputs == [10, 20, 30, 40])
    #expect(batches == [[1], [2, 3, 4]])
  }

  @Test func `a batch has a bound in items and in bytes, but one item at least`() async throws {
    #expect(try await outputs([1, 2, 3, 4], itemsMax: 2).batches == [[1], [2, 3], [4]])
    #expect(try await outputs([1, 50, 30, 80, 20], bytesMax: 100).batches == [[1], [50, 30], [80, 20]])
    #expect(try await outputs([1, 500, 2], bytesMax: 100).batches == [[1], [500], [2]])
  }

  @Test func `more than may wait is refused`() async throws {
    let (outputs, batches) = try await outputs([1, 2, 3, 4], waitingMax: 2)
    #expect(outputs == [10, 20, 30, nil])
    #expect(batches == [[1], [2, 3]])
    // What is being committed does not wait any more.
    #expect(try await self.outputs([90, 40, 50, 20], waitingBytesMax: 100).outputs == [900, 400, 500, nil])
  }

  @Test func `a commit that fails fails all of its items and no other`() async throws {
    let (outputs, batches) = try await outputs([1, 13, 2, 3], itemsMax: 2)
    #expect(outputs == [10, nil, nil, 30])
    #expect(batches == [[1], [13, 2], [3]])
  }
}
