package import AnswerCache
internal import Budgets
internal import Checks
internal import Contracts
package import Dialects
package import HTTP
internal import HTTPWire
internal import JSON
package import Ledger
package import ModelCatalog
internal import Pricing
internal import Primitives
internal import Reactor
internal import Routing
package import Spending
internal import SystemSources
package import Telemetry

/// The path of a call: caller, route, cache, budget, attempts, account.
package final class CallService: Sendable {
  package let authenticator: CallerAuthenticator
  package let catalog: CatalogCache
  package let client: HTTPClient
  package let health: HealthRegistry
  let ledger: LedgerWriter
  let budgets: BudgetGuard
  let rates: RateLimiter
  let cache: AnswerStore
  let singleFlight: SingleFlight
  let metrics: CallMetrics
  let telemetry: Telemetry
  package let limits: CallLimits
  package let filter: RequestFilter
  let modelPolicy: ModelPolicy?
  /// Those that are sent to holders of virtual keys.
  package let streams: OpenStreams

  /// A service of these parts.
  package init(
    authenticator: CallerAuthenticator, catalog: CatalogCache, client: HTTPClient, health: HealthRegistry,
    ledger: LedgerWriter,
    budgets: BudgetGuard, rates: RateLimiter, cache: AnswerStore, singleFlight: SingleFlight, metrics: CallMetrics,
    telemetry: Telemetry, limits: CallLimits, filter: RequestFilter, modelPolicy: ModelPolicy? = nil
  ) {
    self.authenticator = authenticator
    self.catalog = catalog
    self.client = client
    self.health = health
    self.ledger = ledger
    self.budgets = budgets
    self.rates = rates
    self.cache = cache
    self.singleFlight = singleFlight
    self.metrics = metrics
    self.telemetry = telemetry
    self.limits = limits
    self.filter = filter
    self.modelPolicy = modelPolicy
    streams = OpenStreams(authenticator, telemetry: telemetry)
  }

  /// Follows the catalog, and ends streams of virtual keys with the right of the key, until the task is cancelled.
  package func run() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { [catalog] in await catalog.run() }
      group.addTask { [streams] in await streams.run() }
    }
  }

  /// Answers a request in its dialect.
  package func answer(_ request: HTTPRequest, _ dialect: Dialect) async throws -> HTTPResponse {
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
    let asked = try prepared(try await request.json(), request, dialect, id, caller)
    do {
      let call = try await permitted(asked)
      if call.policy.isActive { return mark(try await cached(call), id) }
      return mark(try await direct(call, cache: "off").response(for: caller, in: streams), id)
    } catch {
      asked.account.fail(error)
      throw error
    }
  }

  /// The call with those models that the policies allow.
  private func permitted(_ call: PreparedCall) async throws -> PreparedCall {
    guard let modelPolicy else { return call }
    let plan = try await modelPolicy.permitted(
      call.plan, asked: call.request.model, costMax: try costBound(call).nanoUSD, call.caller)
    return plan == call.plan ? call : call.with(plan)
  }

  /// The caller, if there is room for the account of a call.
  @inline(never)
  private func admitted(_ request: HTTPRequest) throws(CallFailure) -> CallPrincipal {
    let caller = try authenticator.principal(of: request)
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
    _ document: JSONDocument, _ request: HTTPRequest, _ dialect: Dialect, _ id: CallID, _ caller: CallPrincipal
  ) throws(CallFailure) -> PreparedCall {
    var body = try CallRequest(document, dialect)
    try filter.inspect(body)
    let snapshot = catalog.current
    let hasOptionalTools = request.headers[InternalHeader.optionalTools] == "1" && body.needs.contains(.tools)
    let plan: RoutePlan
    do throws(CallFailure) { plan = try self.plan(body, caller, snapshot) } catch {
      guard hasOptionalTools, error.code == "capability_missing" else { throw error }
      body = body.withoutTools()
      plan = try self.plan(body, caller, snapshot)
    }
    let account = CallAccount(
      LedgerEntry(
        id: id, tenant: caller.tenant, startedAt: WallClock.now(), endedAt: WallClock.now(), dialect: dialect,
        labels: caller.labels, modelAsked: CallLabels.plain(body.model)),
      promptTokens: body.promptTokens,
      span: telemetry.tracer.startSpan(
        "\(CallAccount.operation(dialect)) \(plan.targets.first?.name ?? "")", kind: .client, parent: request.trace),
      startedAt: request.receivedAt, metrics: metrics, ledger: ledger, budgets: budgets, rates: rates)
    var forwarded = HTTPHeaders()
    for name in ["anthropic-version", "anthropic-beta"] {
      if let value = request.headers[name] { forwarded.append(name, value) }
    }
    return PreparedCall(
      request: body, caller: caller, snapshot: snapshot, plan: plan, account: account, forwarded: forwarded,
      deadline: request.receivedAt &+ UInt64(limits.timeout.nanoseconds),
      policy: CachePolicy(
        request.headers[.cacheControl], mode: cache.mode, isDeterministic: body.isDeterministic,
        standardSeconds: cache.standardSeconds),
      check: plan.alias.flatMap { snapshot.checks[$0] } ?? CallService.check(request.headers[InternalHeader.check]),
      subjects: caller.labels.subjects(tenant: caller.tenant), hasOptionalTools: hasOptionalTools)
  }

  /// The targets. For money budgets those without a price are left out.
  private func plan(
    _ body: CallRequest, _ caller: CallPrincipal, _ snapshot: CatalogSnapshot
  ) throws(CallFailure) -> RoutePlan {
    let query = RouteQuery(
      model: body.model, complexity: caller.complexity, needs: body.needs, promptTokens: body.promptTokens,
      outputTokens: body.outputTokens, allowed: caller.allowed)
    do throws(RouteRefusal) {
      var plan = try snapshot.table.route(query, random: UInt64.random(in: 0...UInt64.max)) { [health] target in
        health.health(target, keys: snapshot.providers[target.provider]?.keys.count ?? 1)
      }
      plan.targets.removeAll { !filter.allows($0.name) }
      plan.contextFallbacks.removeAll { !filter.allows($0.name) }
      plan.contentFallbacks.removeAll { !filter.allows($0.name) }
      plan.escalation.removeAll { !filter.allows($0.name) }
      guard !plan.targets.isEmpty else { throw RouteRefusal.notAllowed(body.model) }
      return plan
    } catch {
      throw CallFailure(error, known: caller.known(of: snapshot.table))
    }
  }

  // MARK: Cache

  private func cached(_ call: PreparedCall) async throws -> HTTPResponse {
    let key = CacheKey(call.request.dialect, call.request.document.root, tenant: call.caller.tenant)
    let completedBefore = singleFlight.completedCount
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
      return try await direct(call, cache: "miss", key: key).response(for: call.caller, in: streams)
    }
    let (inFlight, isLeader) = singleFlight.join(key)
    if isLeader {
      if singleFlight.hasCompleted(key, since: completedBefore), let hit = await cache.find(key) {
        // The answer was stored between the look-up and the join; requests that joined meanwhile get it too.
        inFlight.begin(AnswerBuffer.Head(status: .ok, headers: CachedReply.headers(hit)))
        inFlight.append(hit.body)
        inFlight.finish()
        inFlight.leave()
        singleFlight.complete(key, inFlight)
        return answer(hit, call)
      }
      let task = loop.task { [self] in
        do {
          try await CachedReply.send(try await direct(call, cache: "miss", key: key), to: inFlight)
        } catch {
          call.account.fail(error)
          if let failure = error as? CallFailure { inFlight.fail(failure) } else { inFlight.breakOff([]) }
        }
        // Later requests find the answer in the cache, or make the call anew.
        await call.pendingWrite.wait()
        singleFlight.complete(key, inFlight)
      }
      inFlight.attach(task)
    }
    return try await CachedReply.follow(
      inFlight, call, isLeader: isLeader, heartbeat: Heartbeat(every: limits.heartbeat, call.request.dialect),
      in: streams)
  }

  private func answer(_ hit: CachedAnswer, _ call: PreparedCall) -> HTTPResponse {
    cache.metrics.lookups.with("hit").add()
    cache.metrics.saved.add(UInt64(max(0, hit.nanoUSD ?? 0)))
    call.account.endFromCache(hit, state: "hit")
    return CachedReply.response(hit, call, in: streams)
  }

  // MARK: The call itself

  private func direct(_ call: PreparedCall, cache cacheState: String, key: CacheKey? = nil) async throws -> Reply {
    try await acquirePermit(call)
    let cost = try costBound(call)
    let plan = cost.plan
    guard call.request.wantsStream, limits.heartbeat > .zero, let loop = EventLoop.current else {
      try await reserve(cost, call)
      return reply(try await answer(call, plan, try begin(cost, call, cacheState)), plan, call, cacheState, key)
    }
    // In a task of its own, whose frames are gone when the stream begins.
    let pending = PendingAnswer(on: loop) { [self] in
      try await reserve(cost, call)
      return try await answer(call, plan, try begin(cost, call, cacheState))
    }
    if let started = try await pending.started(within: limits.heartbeat) {
      return reply(started, plan, call, cacheState, key)
    }
    return late(pending, plan, call, cacheState, key)
  }

  private func answer(_ call: PreparedCall, _ plan: RoutePlan, _ attempts: AttemptLoop) async throws -> StartedAnswer {
    guard let check = call.check else { return try await attempts.start(plan) }
    return try await passing(check, call, plan, attempts)
  }

  private func acquirePermit(_ call: PreparedCall) async throws {
    guard !call.snapshot.rateLimits.isEmpty else { return }
    let limits = call.snapshot.limits(for: call.subjects)
    guard !limits.isEmpty else { return }
    do {
      call.account.add(
        try await rates.acquire(
          UUID.version7(), limits, tokens: call.request.promptTokens + (call.request.outputTokens ?? 0),
          deadline: call.deadline))
    } catch let error as SpendingError {
      throw CallFailure(error)
    }
  }

  /// Writes the call with its maximum cost into the spool.
  @inline(never)
  private func begin(_ cost: CostBound, _ call: PreparedCall, _ cacheState: String) throws(CallFailure) -> AttemptLoop {
    do throws(CallFailure) {
      try call.account.begin(
        reservation: cost.reservation, tokensMax: cost.tokens, nanoUSDMax: cost.nanoUSD,
        loweredTo: cost.loweredTo,
        route: cost.plan.reason, cache: cacheState)
    } catch {
      if let reservation = cost.reservation { budgets.settle(reservation, tokens: 0, nanoUSD: 0) }
      throw error
    }
    let bounded = cost.loweredTo.map { call.with(call.request.bounded($0)) } ?? call
    return AttemptLoop(self, bounded, outputCap: cost.reservation == nil ? nil : limits.outputTokens)
  }
}
