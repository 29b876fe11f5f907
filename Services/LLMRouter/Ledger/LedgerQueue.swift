internal import Primitives

/// Rows that wait to be written, in their order. Pure: the writer performs what it returns.
struct LedgerQueue: Sendable {
  /// So many rows are written at once when they are there sooner: small batches leave the cores to the calls.
  static let batchUsual = 64
  static let batchMax = 500
  /// Rows that wait while the database is away; beyond, calls are refused rather than made unaccounted.
  static let waitingMax = 50_000

  /// A row with the id of its call.
  struct Row: Sendable, Equatable {
    let id: UUID
    let bytes: [UInt8]
  }

  /// What the writer does now.
  enum Action: Sendable, Equatable {
    /// Nothing waits.
    case none
    /// Another task writes; it may not have what the caller waits for.
    case waitForOther
    case write([Row])
  }

  private var waiting: [Row] = []
  private var isWriting = false

  /// Rows that are not in the table yet.
  var count: Int { waiting.count }
  /// Whether there is room for the rows of further calls.
  var isAccepting: Bool { waiting.count < LedgerQueue.waitingMax }
  /// Whether it is worth while to write now.
  var hasBatch: Bool { waiting.count >= LedgerQueue.batchUsual }

  /// A row has to be written.
  mutating func append(_ row: Row) { waiting.append(row) }

  /// A task wants everything written that waits.
  mutating func nextBatch() -> Action {
    guard !isWriting else { return .waitForOther }
    guard !waiting.isEmpty else { return .none }
    isWriting = true
    return .write(Array(waiting.prefix(LedgerQueue.batchMax)))
  }

  /// The first rows are in the table, or not: then they wait on.
  mutating func written(_ count: Int, isConfirmed: Bool) {
    isWriting = false
    if isConfirmed { waiting.removeFirst(min(count, waiting.count)) }
  }
}
