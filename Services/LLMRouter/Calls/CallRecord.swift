internal import Contracts
internal import Dialects
internal import HTTPWire
internal import Pricing
internal import Primitives
internal import Routing
internal import Synchronization
internal import Telemetry

/// One call from its begin to its account: exactly one end, whoever comes first.
final class CallRecord: Sendable {
  private struct State {
    var entry: LedgerEntry
    var target: ModelTarget?
    var kind: ProviderKind?
    var reservation: Reservation?
    let promptTokens: Int64
    var firstTokenAt: UInt64?
    var passes: [RatePass] = []
    /// What answers have cost that were not used.
    var extraTokens: Int64 = 0
    var extraNanoUSD: Int64 = 0
    var isEnded = false
  }

  let id: CallID
  let span: Span
  let startedAt: UInt64
  private let metrics: CallMetrics
  private let ledger: Ledger
  private let budgets: BudgetGuard
  private let rates: RateGuard
  private let state: Mutex<State>

  init(
    _ entry: LedgerEntry, promptTokens: Int64, span: Span, startedAt: UInt64, metrics: CallMetrics, ledger: Ledger,
    budgets: BudgetGuard, rates: RateGuard
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

  /// The call is about to be made: its worst case goes into the spool.
  func begin(reservation: Reservation?, route: String, cache: String) throws(CallFailure) {
    let entry = state.withLock { state in
      state.reservation = reservation
      state.entry.route = route
      state.entry.cache = cache
      var worst = state.entry
      worst.chargedTokens = reservation?.tokens ?? 0
      worst.chargedNanoUSD = reservation?.nanoUSD ?? 0
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

  /// The call is inside the gates of its rate limits until its end.
  func hold(_ pass: RatePass) { state.withLock { $0.passes.append(pass) } }

  /// An attempt is over without an answer.
  func release(_ pass: RatePass) {
    state.withLock { state in state.passes.removeAll { $0.call == pass.call } }
    rates.leave(pass, used: 0)
  }

  func attempting(_ target: ModelTarget, _ kind: ProviderKind) {
    let isFirst = state.withLock { state in
      CallRecord.choose(&state, target, kind)
      state.entry.attempts += 1
      return state.entry.attempts == 1
    }
    if isFirst { metrics.overhead.observe(nanoseconds: MonotonicClock.now() &- startedAt) }
  }

  /// Of several attempts at the same time this one counts.
  func chose(_ target: ModelTarget, _ kind: ProviderKind) {
    state.withLock { CallRecord.choose(&$0, target, kind) }
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

  /// An answer that is not used was paid for: it has a row of its own.
  func paid(_ target: ModelTarget, _ usage: TokenUsage?, _ estimate: TokenUsage, _ outcome: String) {
    let used = usage ?? estimate
    let (entry, late) = state.withLock { state -> (LedgerEntry, Reservation?) in
      var entry = LedgerEntry(
        id: .make(), tenant: state.entry.tenant, startedAt: state.entry.startedAt, endedAt: WallClock.now(),
        dialect: state.entry.dialect, labels: state.entry.labels, modelAsked: state.entry.modelAsked)
      entry.model = target.name
      entry.provider = target.provider
      entry.route = state.entry.route
      entry.outcome = outcome
      entry.attempts = 1
      entry.usage = used
      entry.isEstimated = usage == nil
      entry.nanoUSD = target.price?.nanoUSD(used)
      entry.chargedTokens = used.total
      entry.chargedNanoUSD = entry.nanoUSD ?? 0
      entry.latencyMicroseconds = Int64((MonotonicClock.now() &- startedAt) / 1000)
      if state.isEnded { return (entry, state.reservation) }
      state.extraTokens += entry.chargedTokens
      state.extraNanoUSD += entry.chargedNanoUSD
      return (entry, nil)
    }
    ledger.end(entry)
    if let late { budgets.charge(late, tokens: entry.chargedTokens, nanoUSD: entry.chargedNanoUSD) }
    observe(entry, target, isTold: usage != nil)
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

  /// Attempts so far.
  var attempts: Int { state.withLock { $0.entry.attempts } }

  /// The call failed, or its caller went away while a provider was at work: then all that was set aside is charged,
  /// because nobody will say what was used.
  func fail(_ error: any Error) {
    if let failure = error as? CallFailure { return end(failure.code, usage: nil) }
    let prompt = state.withLock { $0.entry.attempts > 0 ? $0.promptTokens : 0 }
    end("client_gone", usage: nil, estimate: TokenUsage(input: prompt), chargesReserved: prompt > 0)
  }

  /// An answer that nobody took.
  deinit { fail(CancellationError()) }

  /// The end. `usage` is what the provider said, `estimate` what stands for it when it said nothing.
  func end(
    _ outcome: String, usage: TokenUsage?, estimate: TokenUsage? = nil, finish: String? = nil,
    chargesReserved: Bool = false
  ) {
    guard let (entry, target, reservation) = close(outcome, usage, estimate, chargesReserved) else { return }
    ledger.end(entry)
    for pass in state.withLock({ $0.passes }) { rates.leave(pass, used: entry.usage.total) }
    if let reservation {
      let extra = state.withLock { ($0.extraTokens, $0.extraNanoUSD) }
      budgets.settle(
        reservation, tokens: entry.chargedTokens + extra.0, nanoUSD: entry.chargedNanoUSD + extra.1)
    }
    observe(entry, target, isTold: usage != nil)
    describe(entry, target, finish)
    span.end()
  }

  /// The answer came from the cache, or from a call of another that was in flight.
  func endFromCache(_ cached: CachedAnswer, state word: String) {
    let ended = state.withLock { state -> LedgerEntry? in
      guard !state.isEnded else { return nil }
      state.isEnded = true
      state.entry.model = cached.model
      state.entry.provider = cached.provider
      state.entry.cache = word
      state.entry.outcome = "ok"
      state.entry.usage = cached.usage
      state.entry.nanoUSD = 0
      state.entry.savedNanoUSD = cached.nanoUSD ?? 0
      CallRecord.time(&state, startedAt)
      return state.entry
    }
    guard let ended else { return }
    ledger.end(ended)
    span.setAttribute("cadre.cache", .string(word))
    span.end()
  }

  private func close(
    _ outcome: String, _ usage: TokenUsage?, _ estimate: TokenUsage?, _ chargesReserved: Bool
  ) -> (LedgerEntry, ModelTarget?, Reservation?)? {
    state.withLock { state in
      guard !state.isEnded else { return nil }
      state.isEnded = true
      let used = usage ?? estimate ?? TokenUsage()
      state.entry.outcome = outcome
      state.entry.usage = used
      state.entry.isEstimated = usage == nil && estimate != nil
      state.entry.nanoUSD = used.total == 0 ? 0 : state.target?.price?.nanoUSD(used)
      state.entry.chargedTokens = used.total
      state.entry.chargedNanoUSD = state.entry.nanoUSD ?? 0
      if chargesReserved, let reservation = state.reservation {
        state.entry.chargedTokens = max(state.entry.chargedTokens, reservation.tokens - state.extraTokens)
        state.entry.chargedNanoUSD = max(state.entry.chargedNanoUSD, reservation.nanoUSD - state.extraNanoUSD)
      }
      CallRecord.time(&state, startedAt)
      return (state.entry, state.target, state.reservation)
    }
  }

  private static func time(_ state: inout State, _ startedAt: UInt64) {
    state.entry.endedAt = WallClock.now()
    state.entry.latencyMicroseconds = Int64((MonotonicClock.now() &- startedAt) / 1000)
    state.entry.firstTokenMicroseconds = state.firstTokenAt.map { Int64(($0 &- startedAt) / 1000) }
  }

  private func observe(_ entry: LedgerEntry, _ target: ModelTarget?, isTold: Bool) {
    let (provider, model) = (target?.provider ?? "", target?.name ?? "")
    metrics.calls.with(provider, model, entry.outcome).add()
    guard let target else { return }
    metrics.duration.with(provider, model).observe(nanoseconds: UInt64(max(0, entry.latencyMicroseconds)) * 1000)
    if let first = entry.firstTokenMicroseconds {
      metrics.firstToken.with(provider, model).observe(nanoseconds: UInt64(max(0, first)) * 1000)
    }
    let usage = entry.usage
    for (kind, count) in [
      ("input", usage.input), ("cache_read", usage.cacheRead), ("cache_write", usage.cacheWrite + usage.cacheWriteLong),
      ("output", usage.output),
    ] where count > 0 { metrics.tokens.with(provider, model, kind).add(UInt64(count)) }
    if entry.isEstimated { metrics.estimated.with(provider, model).add() }
    if let nano = entry.nanoUSD {
      if nano > 0 { metrics.cost.with(provider, model).add(UInt64((nano + 500) / 1000)) }
    } else {
      metrics.unpriced.with(provider, model).add()
    }
    let name = state.withLock { $0.kind }?.conventionName ?? "openai"
    if isTold {
      metrics.tokenUsage.with(name, target.name, "input").observe(nanoseconds: UInt64(max(0, usage.prompt)))
      metrics.tokenUsage.with(name, target.name, "output").observe(nanoseconds: UInt64(max(0, usage.output)))
    }
    metrics.operationDuration.with(CallRecord.operation(entry.dialect), name, target.name)
      .observe(nanoseconds: UInt64(max(0, entry.latencyMicroseconds)) * 1000)
  }

  static func operation(_ dialect: Dialect) -> String { dialect == .embeddings ? "embeddings" : "chat" }

  /// The span by the GenAI conventions of OpenTelemetry.
  private func describe(_ entry: LedgerEntry, _ target: ModelTarget?, _ finish: String?) {
    if entry.outcome != "ok" { span.recordError(type: entry.outcome, message: entry.outcome) }
    guard span.isRecording else { return }
    span.setAttribute("gen_ai.operation.name", .string(CallRecord.operation(entry.dialect)))
    span.setAttribute("gen_ai.request.model", .string(CallLabels.plain(entry.modelAsked)))
    span.setAttribute("cadre.route", .string(entry.route))
    span.setAttribute("cadre.attempts", .int(Int64(entry.attempts)))
    if let target {
      span.setAttribute("gen_ai.response.model", .string(target.providerModel))
      span.setAttribute("gen_ai.provider.name", .string(state.withLock { $0.kind }?.conventionName ?? "openai"))
    }
    span.setAttribute("gen_ai.usage.input_tokens", .int(entry.usage.prompt))
    span.setAttribute("gen_ai.usage.output_tokens", .int(entry.usage.output))
    span.setAttribute("gen_ai.usage.cache_read.input_tokens", .int(entry.usage.cacheRead))
    if let finish { span.setAttribute("gen_ai.response.finish_reasons", .string(finish)) }
    if let nano = entry.nanoUSD { span.setAttribute("cadre.cost_nanousd", .int(nano)) }
  }
}
