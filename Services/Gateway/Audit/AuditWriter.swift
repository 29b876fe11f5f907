internal import AuditChain
internal import Postgres
internal import Primitives
internal import Reactor
internal import Synchronization
internal import SystemSources
package import Telemetry

/// Writes the audit log: entries of all requests that come while a transaction is under way share the next one.
package final class AuditWriter: Sendable {
  /// Why an entry is not durable.
  struct Refused: Error {}

  /// Time in which an entry must be durable; then the change is refused.
  private static let beginTimeout = Duration.seconds(5)
  private static let retryInterval = Duration.milliseconds(250)
  /// Time that entries nobody waits for have until they are written: so the outcome of a request is written with the
  /// next one, which does not wait for a transaction of its own.
  private static let noteDelay = Duration.milliseconds(20)
  private static let countInterval = Duration.seconds(1)
  private static let closeTimeout = Duration.seconds(5)
  /// Chains whose end is remembered.
  private static let rememberedMax = 10_000

  private struct Waiter: Sendable {
    let loop: EventLoop
    let promise: Promise<Void>
  }

  private struct State {
    var queue = AuditQueue<Waiter>()
    var limiter: RefusalLimiter
    /// Of changes by those without a tenant: refusals do not use it up.
    var changes: RefusalLimiter
    /// The writer, while it waits for entries.
    var sleeper: Waiter?
    /// It waits for those that are urgent.
    var isLingering = false
    /// The last attempt failed.
    var isFailing = false
    var isClosed = false
  }

  private let store: AuditStore
  private let logger: Logger
  private let metrics: AuditMetrics
  private let state: Mutex<State>
  /// The ends of chains as this process has written them.
  private let remembered = Mutex<[AuditChainID: AuditLink]>([:])

  /// A writer of a log; of one chain at most `refusalsPerSecond` refusals are written one by one.
  package init(store: AuditStore, refusalsPerSecond: Int, telemetry: Telemetry) {
    self.store = store
    logger = telemetry.logger
    state = Mutex(
      State(
        limiter: RefusalLimiter(perSecond: refusalsPerSecond),
        changes: RefusalLimiter(perSecond: refusalsPerSecond * AuditWriter.changesPerRefusal)))
    metrics = AuditMetrics(telemetry.registry)
    telemetry.registry.observeGauge("cadre_audit_backlog", help: "Entries of the audit log that are not written yet.") {
      [weak self] in Double(self?.backlog ?? 0)
    }
  }

  /// Entries that are not written.
  package var backlog: Int { state.withLock { $0.queue.count } }
  /// Whether the last attempt to write has failed.
  package var isFailing: Bool { state.withLock { $0.isFailing } }

  // MARK: For requests

  /// Whether a change of who has no tenant may be noted in this second: their number is bounded.
  func admitsChange(_ chain: AuditChainID) -> Bool {
    let second = AuditWriter.second
    return state.withLock { $0.changes.admits(chain, atSecond: second) }
  }

  /// Adds an entry and returns when it is durable. Throws when it is not; it may be all the same.
  func write(_ chain: AuditChainID, _ entry: AuditEntry) async throws {
    // While there is no database nobody waits for it.
    guard let loop = EventLoop.current, !isFailing || store.pool.isReady else {
      metrics.failures.with(entry.kind.rawValue).add()
      throw Refused()
    }
    let promise = Promise<Void>(on: loop)
    guard add(.init(chain: chain, entry: entry, waiter: Waiter(loop: loop, promise: promise))) else {
      metrics.failures.with(entry.kind.rawValue).add()
      throw Refused()
    }
    try await promise.value(deadline: MonotonicClock.now() &+ UInt64(AuditWriter.beginTimeout.nanoseconds))
  }

  /// Adds an entry that nobody waits for.
  func note(_ chain: AuditChainID, _ entry: AuditEntry) {
    if !add(.init(chain: chain, entry: entry, waiter: nil)) { metrics.failures.with(entry.kind.rawValue).add() }
  }

  /// Adds a refusal, or counts it when there are too many in this second.
  func refuse(_ chain: AuditChainID, code: String, status: Int, _ entry: () -> AuditEntry) {
    let second = AuditWriter.second
    let isAdmitted = state.withLock { state in
      if state.limiter.admits(chain, atSecond: second) { return true }
      state.limiter.omit(chain, code: code, status: status)
      return false
    }
    if isAdmitted { note(chain, entry()) } else { metrics.omitted.add() }
  }

  /// Changes of those without a tenant that are written for each refusal that is: their number is bounded by address
  /// before.
  private static let changesPerRefusal = 10

  private static var second: Int64 { WallClock.now().unixMicroseconds / 1_000_000 }

  private func add(_ item: AuditQueue<Waiter>.Item) -> Bool {
    let (isAdded, sleeper) = state.withLock { state -> (Bool, Waiter?) in
      guard !state.isClosed, state.queue.append(item) else { return (false, nil) }
      guard !state.isLingering || state.queue.isUrgent else { return (true, nil) }
      defer { state.sleeper = nil }
      return (true, state.sleeper)
    }
    // A promise belongs to its loop.
    if let sleeper { sleeper.loop.execute { sleeper.promise.succeed(()) } }
    return isAdded
  }

  // MARK: The writer

  /// Writes until the task is cancelled.
  package func run() async {
    while !Task.isCancelled {
      do {
        try await waitForEntries()
        addCounts()
        try await flush()
      } catch is CancellationError {
        break
      } catch {
        try? await EventLoop.sleep(for: AuditWriter.retryInterval)
      }
    }
  }

  /// Writes what is there and takes nothing more.
  package func close() async {
    addCounts()
    let deadline = MonotonicClock.now() &+ UInt64(AuditWriter.closeTimeout.nanoseconds)
    while backlog > 0, MonotonicClock.now() < deadline {
      do { try await flush() } catch { try? await EventLoop.sleep(for: AuditWriter.retryInterval) }
    }
    let (left, count) = state.withLock { state in
      state.isClosed = true
      let batch = state.queue.takeBatch()
      return (batch.compactMap(\.waiter), batch.count + state.queue.count)
    }
    answer(left, with: .failure(Refused()))
    if count > 0 { logger.error("entries of the audit log were not written", ["waiting": .int(Int64(count))]) }
  }

  /// Returns when there are entries, or after a second; a moment later when nobody waits for them.
  private func waitForEntries() async throws {
    try await sleep(for: AuditWriter.countInterval, isLingering: false)
    guard backlog > 0 else { return }
    try await sleep(for: AuditWriter.noteDelay, isLingering: true)
  }

  private func sleep(for time: Duration, isLingering: Bool) async throws {
    guard let loop = EventLoop.current else { return try await EventLoop.sleep(for: AuditWriter.retryInterval) }
    let promise = Promise<Void>(on: loop)
    let isThere = state.withLock { state in
      guard isLingering ? !state.queue.isUrgent : state.queue.count == 0 else { return true }
      state.sleeper = Waiter(loop: loop, promise: promise)
      state.isLingering = isLingering
      return false
    }
    if isThere { return }
    defer {
      state.withLock { state in
        state.sleeper = nil
        state.isLingering = false
      }
    }
    do {
      try await promise.value(deadline: MonotonicClock.now() &+ UInt64(time.nanoseconds))
    } catch let error as ReactorError where error.code == .timedOut {}
  }

  /// Adds the counts of refusals as entries.
  private func addCounts() {
    let omitted = state.withLock { $0.limiter.hasOmitted ? $0.limiter.takeOmitted() : [] }
    for count in omitted {
      var entry = AuditEntry(.omitted, request: .version7(), time: WallClock.now())
      entry.code = count.code
      entry.status = count.status
      entry.count = count.count
      note(count.chain, entry)
    }
  }

  private func flush() async throws {
    if let question = state.withLock({ $0.queue.question }) {
      let isWritten: Bool
      do { isWritten = try await store.contains(question) } catch {
        failed([], error, attempted: question)
        throw error
      }
      state.withLock { $0.queue.resolve(isWritten: isWritten) }
    }
    repeat {
      let batch = state.withLock { $0.queue.takeBatch() }
      if batch.isEmpty { return }
      try await write(batch)
    } while state.withLock { $0.queue.isUrgent }
  }

  private func write(_ batch: [AuditQueue<Waiter>.Item]) async throws {
    let entries = batch.map { (chain: $0.chain, entry: $0.entry) }
    let attempted = Mutex<AuditLink?>(nil)
    let started = MonotonicClock.now()
    do {
      let appended: AuditStore.Appended
      do {
        appended = try await store.append(entries, fromEntries: false) { link in attempted.withLock { $0 = link } }
      } catch let error as PostgresError where error.isUniqueViolation {
        // Entries stand behind the end: somebody has set it back. Work goes on behind them.
        logger.error("the end of a chain of the audit log was set back", ["entries": .int(Int64(batch.count))])
        metrics.tampering.with("head").add()
        attempted.withLock { $0 = nil }
        appended = try await store.append(entries, fromEntries: true) { link in attempted.withLock { $0 = link } }
      }
      metrics.duration.observe(nanoseconds: MonotonicClock.now() &- started)
      for item in batch { metrics.entries.with(item.entry.kind.rawValue).add() }
      state.withLock { $0.isFailing = false }
      answer(batch.compactMap(\.waiter), with: .success(()))
      compare(appended)
    } catch {
      let isUnknown = (error as? PostgresError)?.outcomeUnknown ?? true
      failed(batch, error, attempted: isUnknown ? attempted.withLock { $0 } : nil)
      throw error
    }
  }

  private func failed(_ batch: [AuditQueue<Waiter>.Item], _ error: any Error, attempted: AuditLink?) {
    let (waiters, waiting) = state.withLock { state in
      state.isFailing = true
      let waiters = batch.isEmpty ? [] : state.queue.failed(batch, attempted: attempted)
      return (waiters, state.queue.count)
    }
    if !waiters.isEmpty {
      metrics.failures.with(AuditEntry.Kind.request.rawValue).add(UInt64(waiters.count))
    }
    metrics.attemptFailures.add()
    answer(waiters, with: .failure(Refused()))
    guard !(error is CancellationError) else { return }
    logger.warning(
      "the audit log cannot be written; changes are refused",
      ["reason": .string("\(error)"), "waiting": .int(Int64(waiting))])
  }

  private func answer(_ waiters: [Waiter], with result: Result<Void, Refused>) {
    for waiter in waiters {
      waiter.loop.execute {
        switch result {
        case .success: waiter.promise.succeed(())
        case .failure(let error): waiter.promise.fail(error)
        }
      }
    }
  }

  /// Compares where chains ended with where this process has left them: a chain that went back was set back.
  private func compare(_ appended: AuditStore.Appended) {
    let goneBack = remembered.withLock { remembered in
      let goneBack = appended.before.values.filter { link in
        guard let known = remembered[link.chain] else { return false }
        return link.sequence < known.sequence || link.sequence == known.sequence && link.hash != known.hash
      }
      if remembered.count > AuditWriter.rememberedMax { remembered.removeAll() }
      remembered.merge(appended.after) { $1 }
      return goneBack
    }
    for link in goneBack {
      metrics.tampering.with("end").add()
      logger.error(
        "the end of a chain of the audit log is not where this process has left it",
        ["chain": .string("\(link.chain)"), "sequence": .int(link.sequence)])
    }
    for chain in appended.withoutHead {
      metrics.tampering.with("head").add()
      logger.error("a chain of the audit log has lost its end", ["chain": .string("\(chain)")])
    }
  }
}
