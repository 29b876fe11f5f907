internal import AnswerCache
internal import Contracts
internal import Dialects
internal import HTTP
internal import HTTPWire
internal import Ledger
internal import ModelCatalog
internal import Pricing
internal import Primitives
internal import Routing
internal import SystemSources

/// What becomes of an answer that was started: its account, the cache, the way to the caller.
extension CallService {
  @inline(never)
  func reply(
    _ started: StartedAnswer, _ plan: RoutePlan, _ call: PreparedCall, _ cacheState: String, _ key: CacheKey?
  ) -> Reply {
    let cacheKey = key.flatMap { call.policy.writes ? $0 : nil }
    var reply: Reply
    switch started.content {
    case .whole(let answer): reply = whole(answer, started, call, cacheKey)
    case .stream(let stream, let first): reply = self.stream(stream, first, started, call, cacheKey)
    }
    annotate(&reply.headers, started, call, plan, cacheState)
    return reply
  }

  private func whole(
    _ answer: ProviderAnswer, _ started: StartedAnswer, _ call: PreparedCall, _ key: CacheKey?
  ) -> Reply {
    health.succeeded(started.health, firstTokenMicroseconds: firstToken(call))
    call.account.end("ok", usage: answer.usage, estimate: call.request.estimate(answer), finish: answer.finish)
    if let key, let usage = answer.usage, !answer.isEmpty || call.request.dialect == .embeddings,
      !answer.outcome.isFiltered
    {
      store(key, answer.bytes, "application/json", usage, started, seconds: call.policy.seconds, call.pendingWrite)
    }
    var reply = Reply(body: .whole(answer.bytes))
    reply.headers.append(.contentType, "application/json")
    if let nano = call.account.nanoUSD {
      reply.headers.append(InternalHeader.costMicroUSD, String(DollarAmount.micro(nano: nano)))
    }
    return reply
  }

  /// Keeps an answer, beside the way to the caller.
  func store(
    _ key: CacheKey, _ body: [UInt8], _ type: String, _ usage: TokenUsage, _ started: StartedAnswer, seconds: Int64,
    _ pendingWrite: PendingWrite
  ) {
    let answer = CachedAnswer(
      model: started.target.name, provider: started.provider.name, usage: usage,
      nanoUSD: CallAccount.nanoUSD(usage, started.target, started.provider.kind), contentType: type, body: body)
    pendingWrite.begin { [cache] in await cache.store(key, answer, seconds: seconds) }
  }

  private func firstToken(_ call: PreparedCall) -> Int64 {
    Int64((MonotonicClock.now() &- call.account.startedAt) / 1000)
  }

  /// Passes a stream on as it comes.
  private func stream(
    _ stream: ProviderStream, _ first: [UInt8], _ started: StartedAnswer, _ call: PreparedCall, _ key: CacheKey?
  ) -> Reply {
    let relay = StreamRelay(
      self, stream, first, started, call, key, firstTokenMicroseconds: firstToken(call))
    return Reply.events(heartbeat: Heartbeat(every: limits.heartbeat, call.request.dialect)) { cut, write in
      try await relay.run(cut, write)
    }
  }

  private func annotate(
    _ headers: inout HTTPHeaders, _ started: StartedAnswer, _ call: PreparedCall, _ plan: RoutePlan, _ cache: String
  ) {
    headers.append(InternalHeader.model, started.target.name)
    headers.append(InternalHeader.provider, started.provider.name)
    headers.append(InternalHeader.route, started.route ?? plan.reason)
    headers.append(InternalHeader.attempts, String(call.account.attempts))
    headers.append(InternalHeader.cache, cache)
    if let bound = call.account.loweredTo { headers.append(InternalHeader.maxTokens, String(bound)) }
    if !started.dropped.isEmpty {
      headers.append(InternalHeader.dropped, CallLabels.plain(started.dropped.joined(separator: ", ")))
    }
  }

  /// A stream whose first token lets wait: its caller gets signs of life, and everything else in the stream.
  func late(
    _ pending: PendingAnswer, _ plan: RoutePlan, _ call: PreparedCall, _ cacheState: String, _ key: CacheKey?
  ) -> Reply {
    let cacheKey = key.flatMap { call.policy.writes ? $0 : nil }
    let account = call.account
    let heartbeat = Heartbeat(every: limits.heartbeat, call.request.dialect)
    var reply = Reply.events(heartbeat: heartbeat) { cut, write in
      // It has been silent for one interval already.
      if let heartbeat { try await write(heartbeat.bytes, true) }
      try await self.pass(pending, call, cacheKey, cut, write)
    }
    reply.headers.append(InternalHeader.route, plan.reason)
    reply.headers.append(InternalHeader.cache, cacheState)
    if let bound = account.loweredTo { reply.headers.append(InternalHeader.maxTokens, String(bound)) }
    return reply
  }

  /// Sends the stream that was waited for, or its failure as an event.
  private func pass(
    _ pending: PendingAnswer, _ call: PreparedCall, _ cacheKey: CacheKey?, _ cut: StreamCut?, _ write: Reply.Write
  ) async throws {
    cut?.wake(by: { pending.cancel() })
    let started: StartedAnswer
    do { started = try await pending.started() } catch {
      let error = cut?.failure ?? error
      call.account.fail(error)
      guard let failure = error as? CallFailure else { throw error }
      return try await write(call.event(of: failure), true)
    }
    switch started.content {
    case .whole(let answer):
      _ = whole(answer, started, call, cacheKey)
      try await write(answer.bytes, true)
    case .stream(let stream, let first):
      try await StreamRelay(self, stream, first, started, call, cacheKey, firstTokenMicroseconds: firstToken(call)).run(
        cut, write)
    }
  }
}
