package import Reactor

/// Gathers what arrives while a commit is in progress and commits it together with the next: under load many callers
/// share one round trip and one flush to disk, and a lone caller waits for nobody. No caller is answered before its
/// commit. Fewer of them make larger batches, and a statement costs about as much as ten of its rows.
///
/// `@unchecked Sendable`: confined to its loop.
package final class GroupCommit<Item: Sendable, Output: Sendable>: @unchecked Sendable {
  /// A commit of so many items is one of many under load.
  private static var busyCount: Int { 8 }

  private let loop: EventLoop
  private let itemsMax: Int
  private let waitingMax: Int
  private let bytesMax: Int
  private let waitingBytesMax: Int
  private let size: @Sendable (Item) -> Int
  private let pause: @Sendable () -> Duration?
  private let commit: @Sendable ([Item]) async throws -> [Output]
  private var waiting: [(item: Item, bytes: Int, promise: Promise<Output>)] = []
  private var waitingBytes = 0
  private var isCommitting = false

  /// Calls `commit` with up to `itemsMax` items at a time, and with no more than `bytesMax` bytes beside the first one,
  /// as `size` counts them. What waits is bounded by `waitingMax` and `waitingBytesMax`. Under load, `pause` says how
  /// long the next commit waits for more items; `nil` where it shall not.
  package init(
    loop: EventLoop, itemsMax: Int = 128, waitingMax: Int = 20_000, bytesMax: Int = 16 << 20,
    waitingBytesMax: Int = 128 << 20, size: @escaping @Sendable (Item) -> Int,
    pause: @escaping @Sendable () -> Duration? = { nil },
    commit: @escaping @Sendable ([Item]) async throws -> [Output]
  ) {
    self.loop = loop
    self.itemsMax = itemsMax
    self.waitingMax = waitingMax
    self.bytesMax = bytesMax
    self.waitingBytesMax = waitingBytesMax
    self.size = size
    self.pause = pause
    self.commit = commit
  }

  /// Commits `item`, from any loop, and returns its output. Throws what the commit threw, or
  /// `ReactorError.overloaded`.
  package func submit(_ item: Item) async throws -> Output {
    if loop.isCurrent { return try await enqueue(item).value() }
    return try await loop.task { [self] in try await enqueue(item).value() }.value
  }

  /// Commits items that arrived together, from any loop; what became of each stands at its place.
  package func submit(all items: [Item]) async throws -> [Result<Output, any Error>] {
    if loop.isCurrent { return await enqueue(all: items) }
    return try await loop.task { [self] in await enqueue(all: items) }.value
  }

  private func enqueue(all items: [Item]) async -> [Result<Output, any Error>] {
    let promises = items.map { item in Result { try enqueue(item) } }
    var outputs: [Result<Output, any Error>] = []
    outputs.reserveCapacity(items.count)
    for promise in promises {
      do { outputs.append(.success(try await promise.get().value())) } catch { outputs.append(.failure(error)) }
    }
    return outputs
  }

  private func enqueue(_ item: Item) throws -> Promise<Output> {
    let bytes = size(item)
    guard waiting.count < waitingMax, waiting.isEmpty || waitingBytes + bytes <= waitingBytesMax else {
      throw ReactorError(.overloaded, operation: "commit queue")
    }
    let promise = Promise<Output>(on: loop)
    waiting.append((item, bytes, promise))
    waitingBytes += bytes
    if !isCommitting {
      isCommitting = true
      loop.task { [self] in await drain() }
    }
    return promise
  }

  private func drain() async {
    while !waiting.isEmpty {
      let batch = takeBatch()
      do {
        let outputs = try await commit(batch.map(\.item))
        for (entry, output) in zip(batch, outputs) { entry.promise.succeed(output) }
        for entry in batch.dropFirst(outputs.count) {
          entry.promise.fail(ReactorError(.overloaded, operation: "commit without an outcome"))
        }
      } catch {
        for entry in batch { entry.promise.fail(error) }
      }
      if batch.count >= GroupCommit.busyCount, waiting.count < itemsMax, let pause = pause() {
        try? await EventLoop.sleep(for: pause)
      }
    }
    isCommitting = false
  }

  private func takeBatch() -> [(item: Item, bytes: Int, promise: Promise<Output>)] {
    var count = 0
    var bytes = 0
    for entry in waiting.prefix(itemsMax) {
      guard count == 0 || bytes + entry.bytes <= bytesMax else { break }
      count += 1
      bytes += entry.bytes
    }
    let batch = Array(waiting.prefix(count))
    waiting.removeFirst(count)
    waitingBytes -= bytes
    return batch
  }
}
