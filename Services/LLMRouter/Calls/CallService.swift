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
}

/// The path of a call: who, which model, cache, budget, attempts, account.
struct CallService: Sendable {
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

  /// A call that is ready to be made.
  struct Prepared: Sendable {
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
    let keeping = Keeping()
  }

  /// Answers a request in its dialect.
  func answer(_ request: HTTPRequest, _ dialect: Dialect) async throws -> HTTPResponse {
    let id = CallID.make()
    do {
      return try await answer(request, dialect, id)
    } catch let failure as CallFailure {
      return mark(failure.response(dialect, id: id.description), id)
    } catch let problem as Problem {
      return mark(
        CallFailure.invalid(problem.detail, nil, status: problem.status).response(dialect, id: id.description), id)
    }
  }

  private func mark(_ response: HTTPResponse, _ id: CallID) -> HTTPResponse {
    var response = response
    response.headers.append(InternalHeader.call, id.description)
    response.headers.append(.xRequestID, id.description)
    response.headers.append("request-id", id.description)
    return response
  }

  private func answer(_ request: HTTPRequest, _ dialect: Dialect, _ id: CallID) async throws -> HTTPResponse {
    let caller = try desk.identify(request)
    guard ledger.isAccepting else {
      throw CallFailure(
        status: .serviceUnavailable, code: "ledger_unavailable",
        message: "Too many calls wait to be accounted; the database may be away. Try again shortly.",
        isRetryable: true, retryAfterSeconds: 2)
    }
    let asked = try CallRequest(try await request.json(), dialect)
    try filter.inspect(asked)
    let snapshot = catalog.current
    let plan = try plan(asked, caller, snapshot)
    let record = CallRecord(
      LedgerEntry(
        id: id, tenant: caller.tenant, startedAt: WallClock.now(), endedAt: WallClock.now(), dialect: dialect,
        labels: caller.labels, modelAsked: CallLabels.plain(asked.model)),
      promptTokens: asked.promptTokens,
      span: telemetry.tracer.startSpan(
        "\(CallRecord.operation(dialect)) \(plan.targets.first?.name ?? "")", kind: .client, parent: request.trace),
      startedAt: request.receivedAt, metrics: metrics, ledger: ledger, budgets: budgets,
      rates: rates)
    var forwarded = HTTPHeaders()
    for name in ["anthropic-version", "anthropic-beta"] {
      if let value = request.headers[name] { forwarded.append(name, value) }
    }
    let prepared = Prepared(
      asked: asked, caller: caller, snapshot: snapshot, plan: plan, record: record, forwarded: forwarded,
      deadline: request.receivedAt &+ UInt64(limits.timeout.nanoseconds),
      policy: CachePolicy(
        request.headers[.cacheControl], mode: cache.mode, isDeterministic: asked.isDeterministic,
        standardSeconds: cache.standardSeconds),
      check: plan.alias.flatMap { snapshot.checks[$0] } ?? CallService.check(request.headers[InternalHeader.check]))
    do {
      return mark(
        prepared.policy.isActive ? try await cached(prepared) : try await direct(prepared, cache: "off").response, id)
    } catch {
      record.fail(error)
      throw error
    }
  }

  /// The targets. For money budgets those without a price are left out.
  private func plan(
    _ asked: CallRequest, _ caller: ModelCaller, _ snapshot: CatalogSnapshot
  ) throws(CallFailure) -> RoutePlan {
    let query = RouteQuery(
      model: asked.model, complexity: caller.complexity, needs: asked.needs, promptTokens: asked.promptTokens,
      outputTokens: asked.outputTokens, allowed: caller.allowed)
    do throws(RouteRefusal) {
      var plan = try snapshot.table.route(query, random: UInt64.random(in: 0...UInt64.max)) { target in
        health.health(target, keys: snapshot.providers[target.provider]?.keys.count ?? 1)
      }
      plan.targets.removeAll { !filter.allows($0.name) }
      plan.contextFallbacks.removeAll { !filter.allows($0.name) }
      plan.contentFallbacks.removeAll { !filter.allows($0.name) }
      plan.escalation.removeAll { !filter.allows($0.name) }
      guard !plan.targets.isEmpty else { throw RouteRefusal.notAllowed(asked.model) }
      return plan
    } catch {
      throw CallFailure(error, known: snapshot.table.models + snapshot.table.aliasNames)
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
      let task = loop.task {
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
    return try await CachedReply.follow(flight, call.record, isPilot: isPilot)
  }

  private func answer(_ hit: CachedAnswer, _ call: Prepared) -> HTTPResponse {
    cache.metrics.lookups.with("hit").add()
    cache.metrics.saved.add(UInt64(max(0, hit.nanoUSD ?? 0)))
    call.record.endFromCache(hit, state: "hit")
    return CachedReply.response(hit)
  }

  // MARK: The call itself

  private func direct(_ call: Prepared, cache word: String, key: CacheKey? = nil) async throws -> Reply {
    var plan = call.plan
    let gates = call.snapshot.gates(for: call.caller.labels.subjects(tenant: call.caller.tenant))
    if !gates.isEmpty {
      call.record.hold(
        try await rates.pass(
          UUID.version7(), gates, tokens: call.asked.promptTokens + (call.asked.outputTokens ?? 0),
          deadline: call.deadline))
    }
    let reservation = try await reserve(call, &plan)
    do {
      try call.record.begin(reservation: reservation, route: plan.reason, cache: word)
    } catch {
      if let reservation { budgets.settle(reservation, tokens: 0, nanoUSD: 0) }
      throw error
    }
    let attempts = Attempts(
      client: client, health: health, rates: rates, policy: limits.retries, snapshot: call.snapshot, asked: call.asked,
      record: call.record, filter: filter, answerBytesMax: limits.answerBytes, forwarded: call.forwarded,
      outputCap: reservation == nil ? nil : limits.outputTokens,
      deadline: call.deadline, logger: telemetry.logger)
    let opened = try await passing(call, plan, attempts)
    let kept = key.flatMap { call.policy.writes ? $0 : nil }
    var reply: Reply
    switch opened.answer {
    case .whole(let answer): reply = whole(answer, opened, call, kept)
    case .stream(let stream, let first): reply = self.stream(stream, first, opened, call, kept)
    }
    annotate(&reply.headers, opened, call, plan, word)
    return reply
  }

  private func reserve(_ call: Prepared, _ plan: inout RoutePlan) async throws -> Reservation? {
    let subjects = call.caller.labels.subjects(tenant: call.caller.tenant)
    var budgets = call.snapshot.budgets[subjects.tenant] ?? []
    if let own = call.caller.ownBudget { budgets.append(own) }
    guard !budgets.isEmpty else { return nil }
    let now = WallClock.now().unixMicroseconds / 1_000_000
    let counters = budgets.flatMap { $0.counters(for: subjects, at: now) }
    guard !counters.isEmpty else { return nil }
    if counters.contains(where: { $0.unit == .nanoUSD }), !limits.allowsUnpriced {
      plan.targets.removeAll { $0.price == nil }
      plan.contextFallbacks.removeAll { $0.price == nil }
      plan.contentFallbacks.removeAll { $0.price == nil }
      plan.escalation.removeAll { $0.price == nil }
      guard !plan.targets.isEmpty else {
        throw CallFailure(
          status: .paymentRequired, code: "price_unknown",
          message: "The price of this model is not known, so it cannot be called on a budget in money. Set its price.")
      }
    }
    let answers = max(1, min(128, call.asked.document.root["n"]?.int ?? 1))
    var tokens: Int64 = 0
    var nano: Int64 = 0
    for target in plan.targets + plan.contextFallbacks + plan.contentFallbacks {
      let output = answers * (call.asked.outputTokens ?? target.outputTokensMax ?? limits.outputTokens)
      tokens = max(tokens, call.asked.promptTokens + output)
      nano = max(nano, target.price?.nanoUSDMax(prompt: call.asked.promptTokens, output: output) ?? 0)
    }
    // Two at the same time, and answers that do not pass, are paid for as well.
    if plan.hedgeMilliseconds != nil, plan.targets.count > 1 {
      tokens *= 2
      nano *= 2
    }
    if call.check != nil {
      for target in plan.escalation {
        let output = answers * (call.asked.outputTokens ?? target.outputTokensMax ?? limits.outputTokens)
        tokens += call.asked.promptTokens + output
        nano += target.price?.nanoUSDMax(prompt: call.asked.promptTokens, output: output) ?? 0
      }
    }
    return try await self.budgets.reserve(call.record.id.uuid, counters, tokens: tokens, nanoUSD: nano)
  }

  private func whole(
    _ answer: ProviderAnswer, _ opened: Opened, _ call: Prepared, _ key: CacheKey?
  ) -> Reply {
    health.succeeded(opened.health, firstTokenMicroseconds: firstToken(call))
    call.record.end("ok", usage: answer.usage, estimate: call.asked.estimate(answer), finish: answer.finish)
    if let key, let usage = answer.usage {
      keep(key, answer.bytes, "application/json", usage, opened, call)
    }
    var reply = Reply(body: .whole(answer.bytes))
    reply.headers.append(.contentType, "application/json")
    if let nano = answer.usage.flatMap({ opened.target.price?.nanoUSD($0) }) {
      reply.headers.append(InternalHeader.costMicroUSD, String((nano + 500) / 1000))
    }
    return reply
  }

  /// Keeps an answer, beside the way to the caller.
  private func keep(
    _ key: CacheKey, _ body: [UInt8], _ type: String, _ usage: TokenUsage, _ opened: Opened, _ call: Prepared
  ) {
    let answer = CachedAnswer(
      model: opened.target.name, provider: opened.provider.name, usage: usage,
      nanoUSD: opened.target.price?.nanoUSD(usage), contentType: type, body: body)
    call.keeping.begin { [cache] in await cache.keep(key, answer, seconds: call.policy.seconds) }
  }

  private func firstToken(_ call: Prepared) -> Int64 {
    Int64((MonotonicClock.now() &- call.record.startedAt) / 1000)
  }

  /// Passes a stream on as it comes.
  private func stream(
    _ stream: ProviderStream, _ first: [UInt8], _ opened: Opened, _ call: Prepared, _ key: CacheKey?
  ) -> Reply {
    let firstToken = firstToken(call)
    var reply = Reply(
      body: .stream { write in
        metrics.streams.add(1)
        defer { metrics.streams.add(-1) }
        var kept: [UInt8]? = key == nil ? nil : []
        var piece: [UInt8]? = first
        while let bytes = piece {
          if !bytes.isEmpty {
            do { try await write(bytes) } catch {
              gone(stream, opened, call)
              throw error
            }
            if let held = kept { kept = held.count + bytes.count <= cache.bytesMax ? held + bytes : nil }
          }
          do { piece = try await stream.next() } catch {
            guard let failure = Attempts.failure(error, opened.provider) else {
              gone(stream, opened, call)
              throw error
            }
            health.failed(opened.health, failure.failureClass, retryAfter: nil)
            call.record.end(
              failure.code, usage: stream.watcher.usage, estimate: stream.estimate(call.asked),
              finish: stream.watcher.finishReason)
            // The only way to tell a client in the midst of a stream.
            try await write(
              call.asked.dialect.errorEvent(
                status: Int(failure.status.code), code: failure.code, message: failure.message,
                id: call.record.id.description))
            return
          }
        }
        health.succeeded(opened.health, firstTokenMicroseconds: firstToken)
        call.record.end(
          "ok", usage: stream.watcher.usage, estimate: stream.estimate(call.asked), finish: stream.watcher.finishReason)
        if let key, let kept, let usage = stream.watcher.usage {
          keep(key, kept, Reply.eventStream, usage, opened, call)
        }
      })
    reply.headers.append(.contentType, Reply.eventStream)
    reply.headers.append(.cacheControl, "no-cache")
    return reply
  }

  /// The caller went away in the midst of a stream: what came until then is charged; dropping the stream ends the call
  /// at the provider.
  private func gone(_ stream: ProviderStream, _ opened: Opened, _ call: Prepared) {
    health.released(opened.health)
    call.record.end("client_gone", usage: stream.watcher.usage, estimate: stream.estimate(call.asked))
  }

  private func annotate(
    _ headers: inout HTTPHeaders, _ opened: Opened, _ call: Prepared, _ plan: RoutePlan, _ cache: String
  ) {
    headers.append(InternalHeader.model, opened.target.name)
    headers.append(InternalHeader.provider, opened.provider.name)
    headers.append(InternalHeader.route, opened.route ?? plan.reason)
    headers.append(InternalHeader.attempts, String(call.record.attempts))
    headers.append(InternalHeader.cache, cache)
    if !opened.dropped.isEmpty {
      headers.append(InternalHeader.dropped, CallLabels.plain(opened.dropped.joined(separator: ", ")))
    }
  }
}
