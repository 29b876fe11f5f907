internal import Contracts
internal import Primitives
internal import Reactor
internal import Synchronization
internal import SystemSources
package import Telemetry

/// Writes the table of calls: rows are gathered for some milliseconds and written together. From the begin of a call on
/// it stands in the spool, so none is lost with the process.
package final class LedgerWriter: Sendable {
  private static let interval = Duration.milliseconds(50)
  private static let retryInterval = Duration.milliseconds(500)
  /// How often the spool gets a sign of life.
  private static let heartbeatInterval = Duration.milliseconds(500)
  /// How often pending sums are added up, and how many at once.
  private static let sumsInterval = Duration.seconds(1)
  private static let sumsMax = 5000
  private static let otherWriterPause = Duration.milliseconds(1)

  private struct State {
    var queue = LedgerQueue()
    /// The writer, while it waits for rows.
    var sleeper: (loop: EventLoop, promise: Promise<Void>)?
  }

  private let rows: any CallRows
  private let spool: LedgerSpool?
  private let logger: Logger
  private let state = Mutex(State())

  init(rows: any CallRows, spool: LedgerSpool?, logger: Logger) {
    self.rows = rows
    self.spool = spool
    self.logger = logger
  }

  /// A writer into a table; without a spool, calls that are under way are lost with the process.
  package convenience init(store: CallStore, spool: LedgerSpool?, logger: Logger) {
    self.init(rows: store, spool: spool, logger: logger)
  }

  /// Whether calls may be made: what they use can be accounted.
  package var isAccepting: Bool { state.withLock { $0.queue.isAccepting } }
  /// Rows that are not in the table yet.
  package var backlog: Int { state.withLock { $0.queue.count } }

  /// A call begins: `entry` says what it will be taken for if nothing more is heard of it.
  package func begin(_ entry: LedgerEntry) throws(LedgerSpool.Fault) {
    try spool?.record(entry.id.uuid, entry.row)
  }

  /// A call has ended.
  package func end(_ entry: LedgerEntry) {
    let row = LedgerQueue.Row(id: entry.id.uuid, bytes: entry.row)
    do { try spool?.record(row.id, row.bytes) } catch {
      logger.error("the end of a call is not in the spool", ["reason": .string("\(error)")])
    }
    let sleeper = state.withLock { state -> (loop: EventLoop, promise: Promise<Void>)? in
      state.queue.append(row)
      guard state.queue.hasBatch, let sleeper = state.sleeper else { return nil }
      state.sleeper = nil
      return sleeper
    }
    // A promise belongs to its loop.
    if let sleeper { sleeper.loop.execute { sleeper.promise.succeed(()) } }
  }

  /// Writes rows, adds up their sums, and shows that the process is alive, until the task is cancelled.
  package func run() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { [self] in await write() }
      group.addTask { [self] in await addUp() }
      group.addTask { [self] in
        while !Task.isCancelled {
          spool?.heartbeat()
          do { try await EventLoop.sleep(for: LedgerWriter.heartbeatInterval) } catch { break }
        }
      }
    }
  }

  /// Adds recent calls to the sums of hours and days.
  private func addUp() async {
    while !Task.isCancelled {
      var isMore = false
      do {
        isMore = try await rows.addUsage(rowsMax: LedgerWriter.sumsMax) >= LedgerWriter.sumsMax
      } catch is CancellationError {
        return
      } catch {
        logger.warning("sums of calls wait to be added up", ["reason": .string("\(error)")])
      }
      if isMore { continue }
      do { try await EventLoop.sleep(for: LedgerWriter.sumsInterval) } catch { return }
    }
  }

  private func write() async {
    while !Task.isCancelled {
      do {
        try await waitForBatch()
        try await flush()
      } catch is CancellationError {
        return
      } catch {
        logger.warning(
          "calls wait to be written to the ledger",
          ["reason": .string("\(error)"), "waiting": .int(Int64(backlog))])
        try? await EventLoop.sleep(for: LedgerWriter.retryInterval)
      }
    }
  }

  /// Returns when there is a batch, or after some time.
  private func waitForBatch() async throws {
    guard let loop = EventLoop.current else { return try await EventLoop.sleep(for: LedgerWriter.interval) }
    let promise = Promise<Void>(on: loop)
    let isEnough = state.withLock { state in
      guard !state.queue.hasBatch else { return true }
      state.sleeper = (loop, promise)
      return false
    }
    if isEnough { return }
    do {
      try await promise.value(deadline: MonotonicClock.now() &+ UInt64(LedgerWriter.interval.nanoseconds))
    } catch let error as ReactorError where error.code == .timedOut {
      state.withLock { $0.sleeper = nil }
    }
  }

  /// Writes all that has ended until now. Throws `PostgresError`; the rows then wait on.
  package func flush() async throws {
    while true {
      switch state.withLock({ $0.queue.nextBatch() }) {
      case .none: return
      case .waitForOther: try await EventLoop.sleep(for: LedgerWriter.otherWriterPause)
      case .write(let batch):
        do {
          try await rows.insert(batch.map(\.bytes))
        } catch {
          state.withLock { $0.queue.written(batch.count, isConfirmed: false) }
          throw error
        }
        state.withLock { $0.queue.written(batch.count, isConfirmed: true) }
        spool?.remove(batch.map(\.id))
      }
    }
  }

  /// Takes over what processes that are gone have left. Returns the tenants of those calls.
  package func recover(folder: String) async throws -> Set<String> {
    var tenants: Set<String> = []
    for orphan in OrphanedSpool.all(folder: folder) {
      let form: OrphanedForm
      if !orphan.isEarlierForm, let aliveAt = orphan.contents.aliveAt {
        form = .alive(aliveAt)
      } else {
        form = .plain(isEarlierForm: orphan.isEarlierForm)
      }
      let lines = orphan.contents.lines
      for start in stride(from: 0, to: lines.count, by: LedgerQueue.batchMax) {
        try await rows.insert(Array(lines[start..<min(lines.count, start + LedgerQueue.batchMax)]), leftBy: form)
      }
      for line in lines {
        guard let tenant = SpoolContents.tenant(of: line) else { continue }
        tenants.insert(TenantID(tenant).description)
      }
      if !lines.isEmpty {
        logger.warning("calls of a process that ended early were accounted", ["calls": .int(Int64(lines.count))])
      }
      orphan.remove()
    }
    return tenants
  }

  /// The last rows, and the end of the spool.
  package func close() async {
    do { try await flush() } catch {
      logger.error("calls were left in the spool", ["waiting": .int(Int64(backlog))])
    }
    spool?.close()
  }
}
