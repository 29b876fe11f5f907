internal import AuditChain
internal import Primitives

/// Entries that wait to be written, in their order. Pure: the writer performs what it returns.
struct AuditQueue<Waiter: Sendable>: Sendable {
  /// Entries that wait while the database is away; beyond, changes are refused and refusals are lost.
  static var waitingMax: Int { 20_000 }
  /// Entries of one transaction.
  static var batchMax: Int { 500 }

  /// An entry, and who waits until it is durable.
  struct Item: Sendable {
    let chain: AuditChainID
    let entry: AuditEntry
    let waiter: Waiter?
  }

  private var waiting: [Item] = []
  /// Those that somebody waits for.
  private var waiterCount = 0
  /// Entries in front that may be in the table already: the answer of the database was lost.
  private var doubtfulCount = 0
  private var doubtful: AuditLink?

  /// Entries that are not written.
  var count: Int { waiting.count }

  /// Entries that are written at once even if nobody waits for them.
  static var urgentCount: Int { 100 }

  /// Whether what waits is to be written at once: somebody waits for it, or it is much.
  var isUrgent: Bool { waiterCount > 0 || waiting.count >= AuditQueue.urgentCount }

  /// Adds an entry; `false` when there is no room.
  mutating func append(_ item: Item) -> Bool {
    guard waiting.count < AuditQueue.waitingMax else { return false }
    waiting.append(item)
    if item.waiter != nil { waiterCount += 1 }
    return true
  }

  /// What is written next, in one transaction; empty for nothing.
  mutating func takeBatch() -> [Item] {
    let batch = Array(waiting.prefix(AuditQueue.batchMax))
    waiting.removeFirst(batch.count)
    waiterCount -= batch.count { $0.waiter != nil }
    return batch
  }

  /// Where the batch before would end, when nobody knows whether it was written.
  var question: AuditLink? { doubtful }

  /// The answer: what is there already is not written again.
  mutating func resolve(isWritten: Bool) {
    if isWritten { waiting.removeFirst(min(doubtfulCount, waiting.count)) }
    doubtful = nil
    doubtfulCount = 0
  }

  /// A batch was not written, or nobody knows: `attempted` is where it would end. Entries that nobody waits for go back
  /// to the front; the others are refused. Returns who waits for those.
  mutating func failed(_ batch: [Item], attempted: AuditLink?) -> [Waiter] {
    let rest = batch.filter { $0.waiter == nil }
    waiting.insert(contentsOf: rest, at: 0)
    doubtful = rest.isEmpty ? nil : attempted
    doubtfulCount = doubtful == nil ? 0 : rest.count
    return batch.compactMap(\.waiter)
  }
}
