internal import AnswerCache
internal import Contracts
internal import Dialects
internal import HTTPWire
internal import JSON
internal import Ledger
internal import ModelCatalog
internal import Pricing
internal import Primitives
internal import Routing
internal import Spending
internal import Synchronization
internal import SystemSources
internal import Telemetry

/// The account of one call. It ends exactly once, whoever ends it first.
final class CallAccount: Sendable {
  private struct State {
    var entry: LedgerEntry
    var target: ModelTarget?
    var kind: ProviderKind?
    var reservation: Reservation?
    let promptTokens: Int64
    var firstTokenAt: UInt64?
    var permits: [RateLimitPermit] = []
    var loweredTo: Int64?
    /// Further reservations, for attempts that were charged before the one that answers.
    var further: [Reservation] = []
    /// The last attempt that was charged without an answer: it becomes the row of the call, if no other does.
    var failed: AttemptReport?
    /// What attempts have cost that have rows of their own.
    var extraTokens: Int64 = 0
    var extraNanoUSD: Int64 = 0
    /// The part of it that was not foreseen: attempts that broke off, after which another one is made.
    var brokenTokens: Int64 = 0
    var brokenNanoUSD: Int64 = 0
    var refused: [RefusedAttempt] = []
    var isEnded = false
  }

  /// An attempt that cost nothing.
  private struct RefusedAttempt: Sendable {
    let provider: String
    let model: String
    let outcome: String
    let microseconds: Int64
  }

  /// Refused attempts that are listed.
  private static let refusedMax = 32

  let id: CallID
  let span: Span
  let startedAt: UInt64
  let metrics: CallMetrics
  private let ledger: LedgerWriter
  private let budgets: BudgetGuard
  private let rates: RateLimiter
  private let state: Mutex<State>

  init(
    _ entry: LedgerEntry, promptTokens: Int64, span: Span, startedAt: UInt64, metrics: CallMetrics,
    ledger: LedgerWriter,
    budgets: BudgetGuard, rates: RateLimiter
  ) {
    id = entry.id
    self.span = span
    self.startedAt = startedAt
    self.metrics = metrics
    self.ledger = ledger
    self.budgets = budgets
    self.rates = rates
    state = Mutex(State(entry: entry, promptTokens: promptTokens))
  }

  /// The call is about to be made: its maximum cost goes into the spool.
  func begin(
    reservation: Reservation?, tokensMax: Int64, nanoUSDMax: Int64, loweredTo: Int64?, route: String, cache: String
  ) throws(CallFailure) {
    let entry = state.withLock { state in
      state.reservation = reservation
      state.loweredTo = loweredTo
      state.entry.route = route
      state.entry.cache = cache
      var worst = state.entry
      worst.usage.input = min(state.promptTokens, tokensMax)
      worst.usage.output = max(0, tokensMax.subtractingClamped(state.promptTokens))
      worst.chargedTokens = tokensMax
      worst.chargedNanoUSD = nanoUSDMax
      worst.isEstimated = true
      return worst
    }
    do { try ledger.begin(entry) } catch {
      throw CallFailure(
        status: .serviceUnavailable, code: "ledger_unavailable",
        message: "The call cannot be accounted at the moment, so it was not made. Try again shortly.",
        isRetryable: true, retryAfterSeconds: 1)
    }
  }

  /// The bound of the answer, when a budget has lowered it.
  var loweredTo: Int64? { state.withLock { $0.loweredTo } }

  /// What has to be reserved anew before another attempt, because attempts that failed are charged; nil when nothing.
  func uncovered() -> (counters: Reservation, tokens: Int64, nanoUSD: Int64)? {
    state.withLock { state in
      guard let reservation = state.reservation, !state.isEnded else { return nil }
      var (tokens, nano) = (state.brokenTokens, state.brokenNanoUSD)
      if let failed = state.failed {
        let charge = CallAccount.charge(failed)
        tokens = tokens.addingClamped(charge.usage.total)
        nano = nano.addingClamped(charge.chargedNanoUSD)
      }
      for more in state.further {
        tokens = tokens.subtractingClamped(more.tokens)
        nano = nano.subtractingClamped(more.nanoUSD)
      }
      return tokens > 0 || nano > 0 ? (reservation, max(0, tokens), max(0, nano)) : nil
    }
  }

  /// More was reserved. Returns false when the call has ended meanwhile: then it is to be released.
  func cover(_ reservation: Reservation) -> Bool {
    state.withLock { state in
      guard !state.isEnded else { return false }
      state.further.append(reservation)
      return true
    }
  }

  /// The call keeps a permit of its rate limits until its end.
  func add(_ permit: RateLimitPermit) { state.withLock { $0.permits.append(permit) } }

  /// An attempt is over without an answer.
  func release(_ permit: RateLimitPermit) {
    state.withLock { state in state.permits.removeAll { $0.call == permit.call } }
    rates.release(permit, used: 0)
  }

  func attempting(_ target: ModelTarget, _ kind: ProviderKind) {
    let (isFirst, failed) = state.withLock { state in
      CallAccount.choose(&state, target, kind)
      state.entry.attempts += 1
      let failed = state.failed
      state.failed = nil
      return (state.entry.attempts == 1, failed)
    }
    if let failed { charge(failed) }
    if isFirst {
      metrics.overhead.observe(
        nanoseconds: MonotonicClock.now() &- startedAt, in: span.isRecording ? span.context : nil)
    }
  }

  /// Of several attempts at the same time this one counts.
  func chose(_ target: ModelTarget, _ kind: ProviderKind) {
    state.withLock { CallAccount.choose(&$0, target, kind) }
  }

  private static func choose(_ state: inout State, _ target: ModelTarget, _ kind: ProviderKind) {
    state.target = target
    state.kind = kind
    state.entry.model = target.name
    state.entry.provider = target.provider
  }

  /// A second target is asked too.
  func hedged() { metrics.hedges.add() }

  /// Why the answer comes from where it comes.
  func route(_ reason: String) { state.withLock { $0.entry.route = reason } }

  /// Settles an attempt that does not become the answer of the call. What was not sent or only refused costs nothing;
  /// an attempt that is charged has a row of its own, or becomes the row of the call when no other attempt follows.
  func settle(_ report: AttemptReport) {
    switch report.progress {
    case .unsent, .refused:
      state.withLock { state in
        guard state.refused.count < CallAccount.refusedMax, !state.isEnded else { return }
        let at = report.endedAt > startedAt ? Int64(clamping: (report.endedAt - startedAt) / 1000) : 0
        state.refused.append(
          RefusedAttempt(
            provider: report.target.provider, model: report.target.name, outcome: report.outcome, microseconds: at))
      }
    case .begun:
      let earlier = state.withLock { state -> AttemptReport? in
        guard !state.isEnded else { return report }
        let earlier = state.failed
        state.failed = report
        return earlier
      }
      if let earlier { charge(earlier) }
    case .complete: charge(report)
    }
  }

  /// Writes the row of an attempt that was charged and is not the answer.
  private func charge(_ report: AttemptReport) {
    let charge = CallAccount.charge(report)
    let (entry, late) = state.withLock { state -> (LedgerEntry, Reservation?) in
      // Beside its call in the order of ids, behind it in lists with the newest first.
      var random = SystemRandom.shared
      let id = CallID(
        UUID(version7At: max(1, state.entry.id.uuid.unixMilliseconds) - 1, random: (random.next(), random.next())))
      var entry = LedgerEntry(
        id: id, tenant: state.entry.tenant, startedAt: state.entry.startedAt, endedAt: WallClock.now(),
        dialect: state.entry.dialect, labels: state.entry.labels, modelAsked: state.entry.modelAsked)
      entry.callID = state.entry.id
      entry.model = report.target.name
      entry.provider = report.target.provider
      entry.route = state.entry.route
      entry.outcome = report.outcome
      entry.attempts = 1
      CallAccount.apply(charge, to: &entry)
      entry.latencyMicroseconds = Int64(
        clamping: report.endedAt > report.sentAt ? (report.endedAt - report.sentAt) / 1000 : 0)
      if state.isEnded { return (entry, state.reservation) }
      state.extraTokens = state.extraTokens.addingClamped(entry.chargedTokens)
      state.extraNanoUSD = state.extraNanoUSD.addingClamped(entry.chargedNanoUSD)
      if report.progress == .begun, report.outcome != AttemptReport.hedgeLost {
        state.brokenTokens = state.brokenTokens.addingClamped(entry.chargedTokens)
        state.brokenNanoUSD = state.brokenNanoUSD.addingClamped(entry.chargedNanoUSD)
      }
      return (entry, nil)
    }
    ledger.end(entry)
    if let late { budgets.charge(late, tokens: entry.chargedTokens, nanoUSD: entry.chargedNanoUSD) }
    observe(entry, report.target, report.kind, isReported: !charge.isEstimated)
  }

  /// What usage costs, to be written into a row.
  private struct Charge {
    let usage: TokenUsage
    let isEstimated: Bool
    let nanoUSD: Int64?
    let chargedNanoUSD: Int64

    init(_ accounted: (usage: TokenUsage, isEstimated: Bool), _ target: ModelTarget?, _ kind: ProviderKind?) {
      usage = accounted.usage
      isEstimated = accounted.isEstimated
      let price = target?.price?.charge(accounted.usage, kind: kind?.rawValue ?? "")
      // Nothing costs nothing, whatever its price.
      nanoUSD = accounted.usage.total == 0 && accounted.usage.searches == 0 ? 0 : price?.nanoUSD
      chargedNanoUSD = min(LedgerEntry.amountMax, price?.chargedNanoUSD ?? 0)
    }
  }

  private static func charge(_ report: AttemptReport) -> Charge {
    Charge(report.accounted, report.target, report.kind)
  }

  private static func apply(_ charge: Charge, to entry: inout LedgerEntry) {
    entry.usage = charge.usage
    entry.isEstimated = charge.isEstimated
    entry.nanoUSD = charge.nanoUSD
    entry.chargedTokens = min(LedgerEntry.amountMax, charge.usage.total)
    entry.chargedNanoUSD = charge.chargedNanoUSD
  }

  /// The price of the call, at most `LedgerEntry.amountMax`; nil when it is not known.
  var nanoUSD: Int64? { state.withLock { $0.entry.nanoUSD.map { min($0, LedgerEntry.amountMax) } } }

  /// The price of an answer; nil when it is not known.
  static func nanoUSD(_ usage: TokenUsage, _ target: ModelTarget, _ kind: ProviderKind) -> Int64? {
    Charge((usage, false), target, kind).nanoUSD
  }

  func attempted(_ target: ModelTarget, _ result: String) {
    metrics.attempts.with(target.provider, target.name, result).add()
  }

  func firstToken() {
    state.withLock { state in
      guard state.firstTokenAt == nil else { return }
      state.firstTokenAt = MonotonicClock.now()
    }
  }

  /// Whether budgets have reserved something for the call.
  var isReserved: Bool { state.withLock { $0.reservation != nil } }

  /// AttemptLoop so far.
  var attempts: Int { state.withLock { $0.entry.attempts } }

  /// The call failed, or its caller went away: what was generated until then is charged, attempt by attempt.
  func fail(_ error: any Error) { end((error as? CallFailure)?.code ?? AttemptReport.clientGone, usage: nil) }

  /// An answer that nobody took.
  deinit { fail(CancellationError()) }

  /// The end. `usage` is what the provider reported, `estimate` what stands for it when it reported nothing; without
  /// both there is no answer, and the last attempt that was begun is what the call has cost.
  func end(_ outcome: String, usage: TokenUsage?, estimate: TokenUsage? = nil, finish: String? = nil) {
    let hasAnswer = usage != nil || estimate != nil
    let earlier = state.withLock { state -> AttemptReport? in
      guard hasAnswer, !state.isEnded else { return nil }
      let earlier = state.failed
      state.failed = nil
      return earlier
    }
    if let earlier { charge(earlier) }
    guard let (entry, target, isReported) = close(outcome, usage, estimate) else { return }
    ledger.end(entry)
    let (permits, reservation, further, extra, kind) = state.withLock { state in
      (state.permits, state.reservation, state.further, (state.extraTokens, state.extraNanoUSD), state.kind)
    }
    for permit in permits { rates.release(permit, used: entry.chargedTokens.addingClamped(extra.0)) }
    if let reservation {
      budgets.settle(
        reservation, tokens: entry.chargedTokens.addingClamped(extra.0),
        nanoUSD: entry.chargedNanoUSD.addingClamped(extra.1))
      for more in further { budgets.settle(more, tokens: 0, nanoUSD: 0) }
    }
    observe(entry, target, kind, isReported: isReported)
    describe(entry, target, kind, finish)
    span.end()
  }

  /// The answer came from the cache, or from a call of another that was in inFlight.
  func endFromCache(_ cached: CachedAnswer, state name: String) {
    let ended = state.withLock { state -> LedgerEntry? in
      guard !state.isEnded else { return nil }
      state.isEnded = true
      state.entry.model = cached.model
      state.entry.provider = cached.provider
      state.entry.cache = name
      state.entry.outcome = "ok"
      state.entry.usage = cached.usage
      state.entry.nanoUSD = 0
      state.entry.savedNanoUSD = cached.nanoUSD ?? 0
      CallAccount.time(&state, startedAt)
      return state.entry
    }
    guard let ended else { return }
    ledger.end(ended)
    span.setAttribute("cadre.cache", .string(name))
    span.end()
  }

  private func close(
    _ outcome: String, _ usage: TokenUsage?, _ estimate: TokenUsage?
  ) -> (LedgerEntry, ModelTarget?, isReported: Bool)? {
    state.withLock { state in
      guard !state.isEnded else { return nil }
      state.isEnded = true
      state.entry.outcome = outcome
      if usage == nil, estimate == nil {
        if let failed = state.failed {
          CallAccount.choose(&state, failed.target, failed.kind)
          CallAccount.apply(CallAccount.charge(failed), to: &state.entry)
        } else {
          CallAccount.apply(Charge((TokenUsage(), false), nil, nil), to: &state.entry)
        }
      } else {
        let accounted = CallAccount.accounted(outcome, usage, estimate ?? TokenUsage())
        CallAccount.apply(Charge(accounted, state.target, state.kind), to: &state.entry)
      }
      state.entry.refused = CallAccount.json(state.refused)
      CallAccount.time(&state, startedAt)
      return (state.entry, state.target, usage != nil && !state.entry.isEstimated)
    }
  }

  /// Of an answer that did not come to its end the counts may be too few.
  private static func accounted(
    _ outcome: String, _ usage: TokenUsage?, _ estimate: TokenUsage
  ) -> (usage: TokenUsage, isEstimated: Bool) {
    guard var usage else { return (estimate, estimate.total > 0) }
    if outcome != "ok", usage.output < estimate.output { usage.isOutputReported = false }
    return usage.completed(by: estimate)
  }

  private static func json(_ refused: [RefusedAttempt]) -> String? {
    guard !refused.isEmpty else { return nil }
    var writer = JSONWriter()
    writer.beginArray()
    for attempt in refused {
      writer.beginObject()
      writer.member("provider", CallLabels.plain(attempt.provider))
      writer.member("model", CallLabels.plain(attempt.model))
      writer.member("outcome", attempt.outcome)
      writer.member("at_us", attempt.microseconds)
      writer.endObject()
    }
    writer.endArray()
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  private static func time(_ state: inout State, _ startedAt: UInt64) {
    state.entry.endedAt = WallClock.now()
    state.entry.latencyMicroseconds = Int64((MonotonicClock.now() &- startedAt) / 1000)
    state.entry.firstTokenMicroseconds = state.firstTokenAt.map { Int64(($0 &- startedAt) / 1000) }
  }
}
