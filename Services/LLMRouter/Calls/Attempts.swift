internal import Budgets
internal import Dialects
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Pricing
internal import Primitives
internal import Reactor
internal import Routing
internal import Telemetry

/// An answer that has come so far that no other provider is asked any more.
enum OpenedAnswer: Sendable {
  /// All of it.
  case whole(ProviderAnswer)
  /// A stream with what may be sent of it already.
  case stream(ProviderStream, first: [UInt8])
}

/// An answer with where it comes from.
struct Opened: Sendable {
  let answer: OpenedAnswer
  let target: ModelTarget
  let provider: Provider
  let health: HealthBook.Key
  let dropped: [String]
  /// Why it comes from there, when the plan was left.
  var route: String?
}

/// Attempts at providers, one after the other: keys of a provider, then the next target, then again after a pause.
/// There is one count and one deadline for all of them.
struct Attempts: Sendable {
  private static let errorBytesMax = 256 << 10

  let client: HTTPClient
  let health: HealthBook
  let rates: RateGuard
  let policy: RetryPolicy
  let snapshot: CatalogSnapshot
  let asked: CallRequest
  let record: CallRecord
  let filter: CallGuard
  let answerBytesMax: Int
  /// Headers of the caller that go on to the provider: versions and betas of its dialect.
  let forwarded: HTTPHeaders
  /// Bounds answers whose caller names no bound, where a budget needs one.
  let outputCap: Int64?
  /// Monotonic nanoseconds.
  let deadline: UInt64
  let logger: Logger

  /// Opens an answer, with a second target at the same time when the first lets wait. Throws the last `CallFailure`.
  func open(_ plan: RoutePlan) async throws -> Opened {
    guard let delay = plan.hedgeMilliseconds, plan.targets.count > 1, let loop = EventLoop.current else {
      return try await series(plan, nil)
    }
    health.noteHedgeable()
    let race = Race(on: loop) { late in discard(late) }
    do {
      race.start { runner in try await series(plan, runner) }
      if try await !race.hasResult(within: .milliseconds(delay)), health.mayHedge() {
        record.hedged()
        var other = plan
        other.targets = Array(plan.targets.dropFirst())
        let second = other
        race.start { runner in try await series(second, runner) }
      }
      let opened = try await race.winner()
      record.chose(opened.target, opened.provider.kind)
      return opened
    } catch let error as CancellationError {
      race.cancel()
      throw error
    }
  }

  /// An answer that came after another was taken: what it has cost is accounted.
  private func discard(_ late: Opened) {
    health.released(late.health)
    switch late.answer {
    case .whole(let answer): record.paid(late.target, answer.usage, asked.estimate(answer), "hedge_lost")
    case .stream(let stream, _):
      record.paid(late.target, stream.watcher.usage, stream.estimate(asked), "hedge_lost")
    }
  }

  /// Attempts one after the other. Throws the last `CallFailure`.
  private func series(_ plan: RoutePlan, _ runner: Race.Runner?) async throws -> Opened {
    var targets = plan.targets
    var rescue = [FailureClass.context: plan.contextFallbacks, .content: plan.contentFallbacks]
    var attempts = 0
    var round = 0
    var last: CallFailure?
    let line = RateGuard.Line(guard: rates, deadline: deadline)
    defer { line.leave() }
    rounds: while true {
      var floor: Int64?
      var closed: (gate: RateGate, milliseconds: Int64)?
      targets: for (index, target) in targets.enumerated() {
        guard let provider = snapshot.providers[target.provider], !provider.keys.isEmpty else {
          last = last ?? Attempts.withoutKey(target)
          continue
        }
        var tries = 0
        // Only when nothing else is left a target behind an open breaker is asked all the same.
        while tries < provider.keys.count, attempts < policy.attemptsMax,
          let key = health.admit(
            target.id, keys: provider.keys.count, from: attempts, force: attempts == 0 && index == targets.count - 1)
        {
          var pass: RatePass?
          switch try await enter(target, key) {
          case .passed(let granted): pass = granted
          case .wait(let gate, let milliseconds):
            closed = (gate, min(milliseconds, closed?.milliseconds ?? .max))
            health.released(key)
            continue targets
          case nil: break
          }
          tries += 1
          attempts += 1
          do {
            return try await attempt(target, provider, key, runner)
          } catch let failure as CallFailure {
            if let pass { record.release(pass) }
            last = failure
            guard failure.failureClass.allowsFallback, remainingMilliseconds > 0 else { throw failure }
            if let seconds = failure.retryAfterSeconds { floor = min(floor ?? .max, seconds * 1000) }
            if let others = rescue.removeValue(forKey: failure.failureClass) {
              guard !others.isEmpty else { throw failure }
              targets = others
              continue rounds
            }
            guard [.key, .money, .rate].contains(failure.failureClass) else { break }
          }
        }
        if attempts >= policy.attemptsMax { break }
      }
      if let closed, last == nil {
        // All that could be asked has a full gate: that is no failure, and waiting is no attempt.
        try await line.wait(closed.gate, closed.milliseconds)
        continue
      }
      let failure = last ?? Attempts.allCooling(targets)
      round += 1
      guard failure.failureClass.allowsRetry, attempts < policy.attemptsMax, round < policy.attemptsMax,
        let pause = policy.pause(
          round: round, retryAfter: floor, remaining: remainingMilliseconds, random: UInt64.random(in: 0...UInt64.max))
      else { throw failure }
      try await EventLoop.sleep(for: .milliseconds(pause))
    }
  }

  /// Passes the gates of a model; nil when it has none.
  private func enter(_ target: ModelTarget, _ key: HealthBook.Key) async throws -> RateGuard.Verdict? {
    let gates = snapshot.gates(model: target.name)
    guard !gates.isEmpty else { return nil }
    do {
      let verdict = try await rates.tryToPass(
        UUID.version7(), gates, tokens: asked.promptTokens + (asked.outputTokens ?? 0))
      if case .passed(let pass) = verdict { record.hold(pass) }
      return verdict
    } catch {
      health.released(key)
      throw error
    }
  }

  private var remainingMilliseconds: Int64 {
    let now = MonotonicClock.now()
    return now >= deadline ? 0 : Int64((deadline - now) / 1_000_000)
  }

  private static func withoutKey(_ target: ModelTarget) -> CallFailure {
    CallFailure(
      status: .badGateway, code: "provider_key_missing",
      message: "No key of the provider \"\(target.provider)\" can be found. Check its key references.",
      failureClass: .key)
  }

  private static func allCooling(_ targets: [ModelTarget]) -> CallFailure {
    CallFailure(
      status: .serviceUnavailable, code: "providers_cooling",
      message: "All providers of this model have failed lately and are given a pause.", isRetryable: true,
      retryAfterSeconds: 1, failureClass: .provider)
  }

  // MARK: One attempt

  private func attempt(
    _ target: ModelTarget, _ provider: Provider, _ key: HealthBook.Key, _ runner: Race.Runner?
  ) async throws -> Opened {
    record.attempting(target, provider.kind)
    do {
      let (wire, bytes, dropped) = try asked.body(
        for: target, provider, outputCap: target.outputTokensMax == nil ? outputCap : nil)
      let answer = try await send(wire, bytes, provider, key)
      let opened = try await read(answer, wire, target, provider)
      record.firstToken()
      record.attempted(target, "ok")
      return Opened(answer: opened, target: target, provider: provider, health: key, dropped: dropped)
    } catch {
      let failure = Attempts.failure(error, provider)
      guard let failure else {
        health.released(key)
        if runner?.hasLost == true {
          // The provider has read the prompt at least; what it has said is not known.
          record.paid(target, nil, TokenUsage(input: asked.promptTokens), "hedge_lost")
        }
        throw error
      }
      record.attempted(target, failure.failureClass.rawValue)
      if health.failed(key, failure.failureClass, retryAfter: failure.retryAfterSeconds.map { $0 * 1000 }) {
        logger.warning(
          "a provider is given a pause",
          [
            "provider": .string(provider.name), "model": .string(target.name),
            "cause": .string(failure.failureClass.rawValue), "trace_id": .string(record.span.context.traceIDText),
          ])
      }
      throw failure
    }
  }

  /// What went wrong; nil when the caller went away.
  static func failure(_ error: any Error, _ provider: Provider) -> CallFailure? {
    switch error {
    case let error as CallFailure: error
    case let error as StreamFault: CallFailure(error, provider: provider.name)
    case let error as HTTPClientError: CallFailure(error, provider: provider)
    case is CancellationError: nil
    default:
      CallFailure(
        status: .badGateway, code: "provider_failed",
        message: "The call to the provider \"\(provider.name)\" failed.", isRetryable: true, failureClass: .transport)
    }
  }

  private func send(
    _ wire: Dialect, _ bytes: [UInt8], _ provider: Provider, _ key: HealthBook.Key
  ) async throws -> HTTPClientResponse {
    var headers = wire == .messages ? forwarded : HTTPHeaders()
    headers.append(.contentType, "application/json")
    headers.append(.accept, asked.wantsStream ? "text/event-stream" : "application/json")
    if wire == .messages, !headers.contains("anthropic-version") { headers.append("anthropic-version", "2023-06-01") }
    provider.authorize(&headers, key: provider.keys[key.key])
    let limit = asked.wantsStream ? min(provider.record.timeout, provider.record.firstToken) : provider.record.timeout
    let timeout = min(limit, .milliseconds(max(1, remainingMilliseconds)))
    let request = HTTPClientRequest(
      .post, try provider.url(wire), headers: headers, body: .bytes(bytes), timeout: timeout,
      pauseMax: provider.record.timeout,
      trace: record.span.context)
    let answer = try await client.send(request, peer: "provider:\(provider.name)")
    guard answer.status.isSuccess else {
      let body = (try? await answer.body.collect(upTo: Attempts.errorBytesMax)) ?? []
      throw CallFailure(
        status: answer.status, body: body, retryAfterMilliseconds: RetryAfter.milliseconds(answer.headers),
        provider: provider, filter: filter)
    }
    return answer
  }

  private func read(
    _ answer: HTTPClientResponse, _ wire: Dialect, _ target: ModelTarget, _ provider: Provider
  ) async throws -> OpenedAnswer {
    let created = WallClock.now().unixMicroseconds / 1_000_000
    let isEventStream = answer.headers[.contentType]?.hasPrefix("text/event-stream") ?? false
    guard asked.wantsStream, isEventStream else {
      let body = try await answer.body.collect(upTo: answerBytesMax)
      let whole = try ProviderAnswer(
        body, wire: wire, request: asked, model: target.name, provider: provider.name, created: created)
      guard !asked.wantsStream else {
        throw CallFailure(
          status: .badGateway, code: "provider_garbage",
          message: "The provider \"\(provider.name)\" did not stream its answer.", isRetryable: true,
          failureClass: .provider)
      }
      return .whole(whole)
    }
    let stream = ProviderStream(
      answer.body, wire: wire, request: asked, model: target.name, created: created, bytesMax: answerBytesMax)
    let first = try await stream.open()
    return .stream(stream, first: first)
  }
}

/// The pause that a provider asks for.
enum RetryAfter {
  private static let millisecondsMax: Int64 = 3_600_000

  /// Reads `retry-after-ms` and `retry-after` in seconds; dates and nonsense are left to our own pauses.
  static func milliseconds(_ headers: HTTPHeaders) -> Int64? {
    if let text = headers["retry-after-ms"], let value = Double(text), value >= 0 {
      return min(Int64(value), millisecondsMax)
    }
    guard let text = headers[.retryAfter], let value = Double(text), value >= 0, value < 1e9 else { return nil }
    return min(Int64(value * 1000), millisecondsMax)
  }
}
