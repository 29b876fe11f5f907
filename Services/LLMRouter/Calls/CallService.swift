internal import Budgets
internal import Checks
internal import Contracts
internal import Dialects
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Pricing
internal import Primitives
internal import Reactor
internal import Routing
internal import SystemSources
internal import Telemetry

/// How calls are made: limits and times.
struct CallLimits: Sendable {
  /// Time for a whole call with all its attempts.
  var timeout: Duration
  var retries: RetryPolicy
  /// Tokens of an answer that has no bound of its own, where a budget needs one.
  var outputTokens: Int64
  /// Whether models without a price may be called on money budgets.
  var allowsUnpriced: Bool
  /// The largest answer.
  var answerBytes: Int
  /// How long providers are waited for.
  var times: ProviderTimes
  /// The longest silence of a stream towards its caller.
  var heartbeat: Duration
}

/// The path of a call: who, which model, cache, budget, attempts, account.
final class CallService: Sendable {
  let desk: CallerDesk
  let catalog: CatalogKeeper
  let client: HTTPClient
  let health: HealthBook
  let ledger: Ledger
  let budgets: BudgetGuard
  let rates: RateGuard
  let cache: PromptCache
  let deck: FlightDeck
  let metrics: CallMetrics
  let telemetry: Telemetry
  let limits: CallLimits
  let filter: CallGuard

  init(
    desk: CallerDesk, catalog: CatalogKeeper, client: HTTPClient, health: HealthBook, ledger: Ledger,
    budgets: BudgetGuard, rates: RateGuard, cache: PromptCache, deck: FlightDeck, metrics: CallMetrics,
    telemetry: Telemetry, limits: CallLimits, filter: CallGuard
  ) {
    self.desk = desk
    self.catalog = catalog
    self.client = client
    self.health = health
    self.ledger = ledger
    self.budgets = budgets
    self.rates = rates
    self.cache = cache
    self.deck = deck
    self.metrics = metrics
    self.telemetry = telemetry
    self.limits = limits
    self.filter = filter
  }

  /// A call that is ready to be made. One object: as a value it would stand in the frame of every step on its way, for
  /// as long as a stream lasts.
  final class Prepared: Sendable {
    let asked: CallRequest
    let caller: ModelCaller
    let snapshot: CatalogSnapshot
    let plan: RoutePlan
    let record: CallRecord
    let forwarded: HTTPHeaders
    let deadline: UInt64
    let policy: CachePolicy
    /// What the answer has to be like.
    let check: AnswerCheck?
    /// Whom budgets and rate limits are looked up for.
    let subjects: CallSubjects
    /// Whether the call goes on without its tools where a model takes none.
    let hasOptionalTools: Bool
    let keeping = Keeping()

    init(
      asked: CallRequest, caller: ModelCaller, snapshot: CatalogSnapshot, plan: RoutePlan, record: CallRecord,
      forwarded: HTTPHeaders, deadline: UInt64, policy: CachePolicy, check: AnswerCheck?, subjects: CallSubjects,
      hasOptionalTools: Bool
    ) {
      self.hasOptionalTools = hasOptionalTools
      self.asked = asked
      self.caller = caller
      self.snapshot = snapshot
      self.plan = plan
      self.record = record
      self.forwarded = forwarded
      self.deadline = deadline
      self.policy = policy
      self.check = check
      self.subjects = subjects
    }

    /// The same call with another request.
    func with(_ asked: CallRequest) -> Prepared {
      Prepared(
        asked: asked, caller: caller, snapshot: snapshot, plan: plan, record: record, forwarded: forwarded,
        deadline: deadline, policy: policy, check: check, subjects: subjects, hasOptionalTools: hasOptionalTools)
    }
  }

  /// Answers a request in its dialect.
  func answer(_ request: HTTPRequest, _ dialect: Dialect) async throws -> HTTPResponse {
    let id = CallID.make()
    do {
      return try await answer(request, dialect, id)
    } catch let failure as CallFailure {
      return mark(failure.response(dialect, id: id.description), id)
    } catch let problem as Problem {
      return mark(CallFailure(problem).response(dialect, id: id.description), id)
    }
  }

  private func mark(_ response: HTTPResponse, _ id: CallID) -> HTTPResponse {
    var response = response
    let text = id.description
    response.headers.append(InternalHeader.call, text)
    response.headers.append(.xRequestID, text)
    response.headers.append("request-id", text)
    return response
  }

  private func answer(_ request: HTTPRequest, _ dialect: Dialect, _ id: CallID) async throws -> HTTPResponse {
    let caller = try admitted(request)
    let call = try prepared(try await request.json(), request, dialect, id, caller)
    do {
      if call.policy.isActive { return mark(try await cached(call), id) }
      return mark(try await direct(call, cache: "off").response, id)
    } catch {
      call.record.fail(error)
      throw error
    }
  }

  /// Who calls, if there is room for the account of a call.
  @inline(never)
  private func admitted(_ request: HTTPRequest) throws(CallFailure) -> ModelCaller {
    let caller = try desk.identify(request)
    guard ledger.isAccepting else {
      throw CallFailure(
        status: .serviceUnavailable, code: "ledger_unavailable",
        message: "Too many calls wait to be accounted; the database may be away. Try again shortly.",
        isRetryable: true, retryAfterSeconds: 2)
    }
    return caller
  }

  @inline(never)
  private func prepared(
    _ document: JSONDocument, _ request: HTTPRequest, _ dialect: Dialect, _ id: CallID, _ caller: ModelCaller
  ) throws(CallFailure) -> Prepared {
    var asked = try CallRequest(document, dialect)
    try filter.inspect(asked)
    let snapshot = catalog.current
    let hasOptionalTools = request.headers[InternalHeader.optionalTools] == "1" && asked.needs.contains(.tools)
    let plan: RoutePlan
    do throws(CallFailure) { plan = try self.plan(asked, caller, snapshot) } catch {
      guard hasOptionalTools, error.code == "capability_missing" else { throw error }
      asked = asked.withoutTools()
      plan = try self.plan(asked, caller, snapshot)
    }
    let record = CallRecord(
      LedgerEntry(
        id: id, tenant: caller.tenant, startedAt: WallClock.now(), endedAt: WallClock.now(), dialect: dialect,
        labels: caller.labels, modelAsked: CallLabels.plain(asked.model)),
      promptTokens: asked.promptTokens,
      span: telemetry.tracer.startSpan(
        "\(CallRecord.operation(dialect)) \(plan.targets.first?.name ?? "")", kind: .client, parent: request.trace),
      startedAt: request.receivedAt, metrics: metrics, ledger: ledger, budgets: budgets, rates: rates)
    var forwarded = HTTPHeaders()
    for name in ["anthropic-version", "anthropic-beta"] {
      if let value = request.headers[name] { forwarded.append(name, value) }
    }
    return Prepared(
      asked: asked, caller: caller, snapshot: snapshot, plan: plan, record: record, forwarded: forwarded,
      deadline: request.receivedAt &+ UInt64(limits.timeout.nanoseconds),
      policy: CachePolicy(
        request.headers[.cacheControl], mode: cache.mode, isDeterministic: asked.isDeterministic,
        standardSeconds: cache.standardSeconds),
      check: plan.alias.flatMap { snapshot.checks[$0] } ?? CallService.check(request.headers[InternalHeader.check]),
      subjects: caller.labels.subjects(tenant: caller.tenant), hasOptionalTools: hasOptionalTools)
  }

  /// The targets. For money budgets those without a price are left out.
  private func plan(
    _ asked: CallRequest, _ caller: ModelCaller, _ snapshot: CatalogSnapshot
  ) throws(CallFailure) -> RoutePlan {
    let query = RouteQuery(
      model: asked.model, complexity: caller.complexity, needs: asked.needs, promptTokens: asked.promptTokens,
      outputTokens: asked.outputTokens, allowed: caller.allowed)
    do throws(RouteRefusal) {
      var plan = try snapshot.table.route(query, random: UInt64.random(in: 0...UInt64.max)) { [health] target in
        health.health(target, keys: snapshot.providers[target.provider]?.keys.count ?? 1)
      }
      plan.targets.removeAll { !filter.allows($0.name) }
      plan.contextFallbacks.removeAll { !filter.allows($0.name) }
      plan.contentFallbacks.removeAll { !filter.allows($0.name) }
      plan.escalation.removeAll { !filter.allows($0.name) }
      guard !plan.targets.isEmpty else { throw RouteRefusal.notAllowed(asked.model) }
      return plan
    } catch {
      throw CallFailure(error, known: caller.known(of: snapshot.table))
    }
  }

  // MARK: Cache

  private func cached(_ call: Prepared) async throws -> HTTPResponse {
    let key = CacheKey(call.asked, tenant: call.caller.tenant)
    let landings = deck.landings
    if call.policy.reads {
      if let hit = await cache.find(key) { return answer(hit, call) }
      cache.metrics.lookups.with("miss").add()
      if call.policy.onlyIfCached {
        throw CallFailure(
          status: .gatewayTimeout, code: "not_cached",
          message: "The cache has no answer, and only-if-cached was asked for.")
      }
    }
    guard call.policy.reads, let loop = EventLoop.current else {
      return try await direct(call, cache: "miss", key: key).response
    }
    let (flight, isPilot) = deck.board(key)
    if isPilot {
      if deck.hasLanded(key, since: landings), let hit = await cache.find(key) {
        // Its answer was kept between our look and our turn; who has joined meanwhile gets it too.
        flight.begin(Flight.Head(status: .ok, headers: CachedReply.headers(hit)))
        flight.append(hit.body)
        flight.finish()
        flight.leave()
        deck.land(key)
        return answer(hit, call)
      }
      let task = loop.task { [self] in
        do {
          try await CachedReply.pour(try await direct(call, cache: "miss", key: key), into: flight)
        } catch {
          call.record.fail(error)
          if let failure = error as? CallFailure { flight.fail(failure) } else { flight.breakOff([]) }
        }
        // Who comes from now on finds the answer in the cache, or makes the call anew.
        await call.keeping.wait()
        deck.land(key)
      }
      flight.attach(task)
    }
    return try await CachedReply.follow(
      flight, call.record, isPilot: isPilot, heartbeat: Heartbeat(every: limits.heartbeat, call.asked.dialect))
  }

  private func answer(_ hit: CachedAnswer, _ call: Prepared) -> HTTPResponse {
    cache.metrics.lookups.with("hit").add()
    cache.metrics.saved.add(UInt64(max(0, hit.nanoUSD ?? 0)))
    call.record.endFromCache(hit, state: "hit")
    return CachedReply.response(hit)
  }

  // MARK: The call itself

  private func direct(_ call: Prepared, cache word: String, key: CacheKey? = nil) async throws -> Reply {
    try await passGates(call)
    let intent = try intent(call)
    try await reserve(intent, call)
    let attempts = try begin(intent, call, word)
    guard call.asked.wantsStream, limits.heartbeat > .zero, let loop = EventLoop.current else {
      return reply(try await answer(call, intent.plan, attempts), intent.plan, call, word, key)
    }
    let plan = intent.plan
    let opening = Opening(on: loop) { [self] in try await answer(call, plan, attempts) }
    if let opened = try await opening.opened(within: limits.heartbeat) {
      return reply(opened, plan, call, word, key)
    }
    return late(opening, plan, call, word, key)
  }

  private func answer(_ call: Prepared, _ plan: RoutePlan, _ attempts: Attempts) async throws -> Opened {
    guard let check = call.check else { return try await attempts.open(plan) }
    return try await passing(check, call, plan, attempts)
  }

  private func passGates(_ call: Prepared) async throws {
    guard !call.snapshot.rateLimits.isEmpty else { return }
    let gates = call.snapshot.gates(for: call.subjects)
    guard !gates.isEmpty else { return }
    call.record.hold(
      try await rates.pass(
        UUID.version7(), gates, tokens: call.asked.promptTokens + (call.asked.outputTokens ?? 0),
        deadline: call.deadline))
  }

  /// The call stands in the spool from here on.
  @inline(never)
  private func begin(_ intent: Intent, _ call: Prepared, _ word: String) throws(CallFailure) -> Attempts {
    do throws(CallFailure) {
      try call.record.begin(
        reservation: intent.reservation, tokensMax: intent.tokens, nanoUSDMax: intent.nanoUSD,
        loweredTo: intent.loweredTo,
        route: intent.plan.reason, cache: word)
    } catch {
      if let reservation = intent.reservation { budgets.settle(reservation, tokens: 0, nanoUSD: 0) }
      throw error
    }
    let bounded = intent.loweredTo.map { call.with(call.asked.bounded($0)) } ?? call
    return Attempts(self, bounded, outputCap: intent.reservation == nil ? nil : limits.outputTokens)
  }
}
