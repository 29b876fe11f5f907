internal import Contracts
internal import Dialects
internal import HTTP
internal import HTTPWire
internal import Pricing
internal import Primitives
internal import Routing
internal import SystemSources

/// What becomes of an answer that was opened: its account, the cache, the way to the caller.
extension CallService {
  @inline(never)
  func reply(
    _ opened: Opened, _ plan: RoutePlan, _ call: Prepared, _ word: String, _ key: CacheKey?
  ) -> Reply {
    let kept = key.flatMap { call.policy.writes ? $0 : nil }
    var reply: Reply
    switch opened.answer {
    case .whole(let answer): reply = whole(answer, opened, call, kept)
    case .stream(let stream, let first): reply = self.stream(stream, first, opened, call, kept)
    }
    annotate(&reply.headers, opened, call, plan, word)
    return reply
  }

  private func whole(
    _ answer: ProviderAnswer, _ opened: Opened, _ call: Prepared, _ key: CacheKey?
  ) -> Reply {
    health.succeeded(opened.health, firstTokenMicroseconds: firstToken(call))
    call.record.end("ok", usage: answer.usage, estimate: call.asked.estimate(answer), finish: answer.finish)
    if let key, let usage = answer.usage, !answer.isEmpty || call.asked.dialect == .embeddings,
      !answer.outcome.isFiltered
    {
      keep(key, answer.bytes, "application/json", usage, opened, seconds: call.policy.seconds, call.keeping)
    }
    var reply = Reply(body: .whole(answer.bytes))
    reply.headers.append(.contentType, "application/json")
    if let nano = call.record.nanoUSD { reply.headers.append(InternalHeader.costMicroUSD, String((nano + 500) / 1000)) }
    return reply
  }

  /// Keeps an answer, beside the way to the caller.
  func keep(
    _ key: CacheKey, _ body: [UInt8], _ type: String, _ usage: TokenUsage, _ opened: Opened, seconds: Int64,
    _ keeping: Keeping
  ) {
    let answer = CachedAnswer(
      model: opened.target.name, provider: opened.provider.name, usage: usage,
      nanoUSD: CallRecord.nanoUSD(usage, opened.target, opened.provider.kind), contentType: type, body: body)
    keeping.begin { [cache] in await cache.keep(key, answer, seconds: seconds) }
  }

  private func firstToken(_ call: Prepared) -> Int64 {
    Int64((MonotonicClock.now() &- call.record.startedAt) / 1000)
  }

  /// Passes a stream on as it comes.
  private func stream(
    _ stream: ProviderStream, _ first: [UInt8], _ opened: Opened, _ call: Prepared, _ key: CacheKey?
  ) -> Reply {
    let relay = StreamRelay(
      self, stream, first, opened, call, key, firstTokenMicroseconds: firstToken(call))
    return Reply.events(heartbeat: Heartbeat(every: limits.heartbeat, call.asked.dialect)) { write in
      try await relay.run(write)
    }
  }

  private func annotate(
    _ headers: inout HTTPHeaders, _ opened: Opened, _ call: Prepared, _ plan: RoutePlan, _ cache: String
  ) {
    headers.append(InternalHeader.model, opened.target.name)
    headers.append(InternalHeader.provider, opened.provider.name)
    headers.append(InternalHeader.route, opened.route ?? plan.reason)
    headers.append(InternalHeader.attempts, String(call.record.attempts))
    headers.append(InternalHeader.cache, cache)
    if let bound = call.record.loweredTo { headers.append(InternalHeader.maxTokens, String(bound)) }
    if !opened.dropped.isEmpty {
      headers.append(InternalHeader.dropped, CallLabels.plain(opened.dropped.joined(separator: ", ")))
    }
  }

  /// A stream whose first token lets wait: its caller gets signs of life, and everything else in the stream.
  func late(
    _ opening: Opening, _ plan: RoutePlan, _ call: Prepared, _ word: String, _ key: CacheKey?
  ) -> Reply {
    let kept = key.flatMap { call.policy.writes ? $0 : nil }
    let record = call.record
    let heartbeat = Heartbeat(every: limits.heartbeat, call.asked.dialect)
    var reply = Reply.events(heartbeat: heartbeat) { write in
      // It has been silent for one interval already.
      if let heartbeat { try await write(heartbeat.bytes, true) }
      try await self.pass(opening, call, kept, write)
    }
    reply.headers.append(InternalHeader.route, plan.reason)
    reply.headers.append(InternalHeader.cache, word)
    if let bound = record.loweredTo { reply.headers.append(InternalHeader.maxTokens, String(bound)) }
    return reply
  }

  /// Sends the stream that was waited for, or its failure as an event.
  private func pass(_ opening: Opening, _ call: Prepared, _ kept: CacheKey?, _ write: Reply.Write) async throws {
    let (record, dialect) = (call.record, call.asked.dialect)
    let opened: Opened
    do { opened = try await opening.opened() } catch {
      record.fail(error)
      guard let failure = error as? CallFailure else { throw error }
      return try await write(
        dialect.errorEvent(
          status: Int(failure.status(in: dialect).code), code: failure.code, message: failure.message,
          id: record.id.description), true)
    }
    switch opened.answer {
    case .whole(let answer):
      _ = whole(answer, opened, call, kept)
      try await write(answer.bytes, true)
    case .stream(let stream, let first):
      try await StreamRelay(self, stream, first, opened, call, kept, firstTokenMicroseconds: firstToken(call)).run(
        write)
    }
  }
}
