internal import Contracts
internal import Postgres
internal import Primitives
internal import Reactor
internal import Synchronization
internal import SystemSources
internal import Telemetry

/// The table of calls: rows are gathered for some milliseconds and written together. From the begin of a call on it
/// stands in the spool, so none is lost with the process.
final class Ledger: Sendable {
  private static let interval = Duration.milliseconds(50)
  /// So many rows are written at once when they are there sooner: small batches leave the cores to the calls.
  private static let batchUsual = 64
  private static let retryInterval = Duration.milliseconds(500)
  private static let batchMax = 500
  /// How often the spool is told that the process is alive.
  private static let beatInterval = Duration.milliseconds(500)
  /// How often pending sums are added up, and how many at once.
  private static let sumsInterval = Duration.seconds(1)
  private static let sumsMax = 5000
  /// Rows that wait while the database is away; beyond, calls are refused rather than made unaccounted.
  private static let waitingMax = 50_000

  private struct State {
    var waiting: [(id: UUID, row: [UInt8])] = []
    var isWriting = false
    /// The writer, while it waits for rows.
    var sleeper: (loop: EventLoop, promise: Promise<Void>)?
  }

  private let pool: PostgresPool
  private let spool: LedgerSpool?
  private let logger: Logger
  private let state = Mutex(State())

  init(pool: PostgresPool, spool: LedgerSpool?, logger: Logger) {
    self.pool = pool
    self.spool = spool
    self.logger = logger
  }

  /// Whether calls may be made: what they use can be accounted.
  var isAccepting: Bool { state.withLock { $0.waiting.count < Ledger.waitingMax } }
  /// Rows that are not in the table yet.
  var backlog: Int { state.withLock { $0.waiting.count } }

  /// A call begins: `entry` says what it will be taken for if nothing more is heard of it.
  func begin(_ entry: LedgerEntry) throws(LedgerSpool.Fault) {
    try spool?.note(entry.id.uuid, entry.row)
  }

  /// A call has ended.
  func end(_ entry: LedgerEntry) {
    let id = entry.id.uuid
    let row = entry.row
    do { try spool?.note(id, row) } catch {
      logger.error("the end of a call is not in the spool", ["reason": .string("\(error)")])
    }
    let sleeper = state.withLock { state -> (loop: EventLoop, promise: Promise<Void>)? in
      state.waiting.append((id, row))
      guard state.waiting.count >= Ledger.batchUsual, let sleeper = state.sleeper else { return nil }
      state.sleeper = nil
      return sleeper
    }
    // A promise belongs to its loop.
    if let sleeper { sleeper.loop.execute { sleeper.promise.succeed(()) } }
  }

  /// Writes rows, adds what they come to up, and shows that the process is alive, until the task is cancelled.
  func run() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { [self] in await write() }
      group.addTask { [self] in await addUp() }
      group.addTask { [self] in
        while !Task.isCancelled {
          spool?.beat()
          do { try await EventLoop.sleep(for: Ledger.beatInterval) } catch { break }
        }
      }
    }
  }

  /// Adds to the sums of hours and days what calls of late came to.
  private func addUp() async {
    while !Task.isCancelled {
      var isMore = false
      do {
        let rows = try await pool.query("select add_usage(\(Ledger.sumsMax))")
        isMore = try rows.first?.decode(0, as: Int64.self) ?? 0 >= Int64(Ledger.sumsMax)
      } catch is CancellationError {
        return
      } catch {
        logger.warning("sums of calls wait to be added up", ["reason": .string("\(error)")])
      }
      if isMore { continue }
      do { try await EventLoop.sleep(for: Ledger.sumsInterval) } catch { return }
    }
  }

  private func write() async {
    while !Task.isCancelled {
      do {
        try await rest()
        try await flush()
      } catch is CancellationError {
        return
      } catch {
        logger.warning(
          "calls wait to be written to the ledger",
          [
            "reason": .string("\(error)"), "waiting": .int(Int64(backlog)),
          ])
        try? await EventLoop.sleep(for: Ledger.retryInterval)
      }
    }
  }

  /// Returns when there is a batch, or after some time.
  private func rest() async throws {
    guard let loop = EventLoop.current else { return try await EventLoop.sleep(for: Ledger.interval) }
    let promise = Promise<Void>(on: loop)
    let isEnough = state.withLock { state in
      guard state.waiting.count < Ledger.batchUsual else { return true }
      state.sleeper = (loop, promise)
      return false
    }
    if isEnough { return }
    do {
      try await promise.value(deadline: MonotonicClock.now() &+ UInt64(Ledger.interval.nanoseconds))
    } catch let error as ReactorError where error.code == .timedOut {
      state.withLock { $0.sleeper = nil }
    }
  }

  /// Writes all that has ended until now. Throws `PostgresError`; the rows then wait on.
  func flush() async throws {
    while true {
      let batch: [(id: UUID, row: [UInt8])]? = state.withLock { state in
        guard !state.isWriting else { return nil }
        let batch = Array(state.waiting.prefix(Ledger.batchMax))
        state.isWriting = !batch.isEmpty
        return batch
      }
      guard let batch else {
        // Another task writes; it may not have what the caller waits for.
        try await EventLoop.sleep(for: .milliseconds(1))
        continue
      }
      if batch.isEmpty { return }
      do {
        try await write(batch.map(\.row))
      } catch {
        state.withLock { $0.isWriting = false }
        throw error
      }
      state.withLock { state in
        state.waiting.removeFirst(batch.count)
        state.isWriting = false
      }
      spool?.forget(batch.map(\.id))
    }
  }

  /// Takes over what processes that are gone have left. Returns the tenants of those calls.
  func recover(folder: String) async throws -> Set<String> {
    var tenants: Set<String> = []
    for orphan in LedgerSpool.orphans(folder: folder) {
      var rest = orphan.lines[...]
      while !rest.isEmpty {
        try await take(Array(rest.prefix(Ledger.batchMax)), orphan)
        rest = rest.dropFirst(Ledger.batchMax)
      }
      for line in orphan.lines {
        guard let tenant = LedgerSpool.tenant(of: line) else { continue }
        tenants.insert(TenantID(tenant).description)
      }
      if !orphan.lines.isEmpty {
        logger.warning("calls of a process that ended early were accounted", ["calls": .int(Int64(orphan.lines.count))])
      }
      orphan.remove()
    }
    return tenants
  }

  /// Rows of a process that is gone. A call that was open then is charged what was possible in the time that it had:
  /// the prompt and what a model can say until the process was last known to be alive, at most what was reserved.
  private func take(_ rows: [[UInt8]], _ orphan: LedgerSpool.Orphan) async throws {
    let texts = rows.map { String(decoding: $0, as: UTF8.self) }
    guard !orphan.isEarlierForm, let aliveAt = orphan.aliveAt else {
      _ = try await pool.query(
        "insert into call select * from unnest($1::text[]::call_entry[]) on conflict (id) do nothing", [texts])
      return
    }
    // The money is cut in the same proportion; that is never too little where an answer is dearer than its prompt.
    _ = try await pool.query(
      """
      insert into call select (r).* from (
        select case when c.outcome <> 'interrupted' or c.charged_tokens <= b.tokens then c else jsonb_populate_record(
          c, jsonb_build_object('charged_tokens', b.tokens, 'output_tokens', b.tokens - least(c.input_tokens, b.tokens),
            'charged_nano_usd', ceil(c.charged_nano_usd::numeric * b.tokens / c.charged_tokens)::int8)) end as r
        from unnest($1::text[]::call_entry_2[]) c,
          lateral (select c.input_tokens + ceil(greatest(0, extract(epoch from
            $2::timestamptz + interval '1 second' - c.started_at)) * $3)::int8 as tokens) b) taken
      on conflict (id) do nothing
      """, [texts, aliveAt, AttemptReport.tokensPerSecondMax])
  }

  private func write(_ rows: [[UInt8]]) async throws {
    // A row that is there already was written before an acknowledgement was lost.
    _ = try await pool.query(
      "insert into call select * from unnest($1::text[]::call_entry_2[]) on conflict (id) do nothing",
      [rows.map { String(decoding: $0, as: UTF8.self) }])
  }

  /// The last rows, and the end of the spool.
  func close() async {
    do { try await flush() } catch {
      logger.error("calls were left in the spool", ["waiting": .int(Int64(backlog))])
    }
    spool?.close()
  }
}
