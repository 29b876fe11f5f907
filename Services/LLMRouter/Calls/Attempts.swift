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

/// An answer with where it comes from. One object, for the same reason as `CallService.Prepared`.
final class Opened: Sendable {
  let answer: OpenedAnswer
  let target: ModelTarget
  let provider: Provider
  let health: HealthBook.Key
  let dropped: [String]
  /// Why it comes from there, when the plan was left.
  let route: String?

  init(
    answer: OpenedAnswer, target: ModelTarget, provider: Provider, health: HealthBook.Key, dropped: [String],
    route: String? = nil
  ) {
    self.answer = answer
    self.target = target
    self.provider = provider
    self.health = health
    self.dropped = dropped
    self.route = route
  }
}

/// Attempts at providers, one after the other: keys of a provider, then the next target, then again after a pause.
/// There is one count and one deadline for all of them.
final class Attempts: Sendable {
  private static let errorBytesMax = 256 << 10

  private let service: CallService
  private let call: CallService.Prepared
  /// Bounds answers whose caller names no bound, where a budget needs one.
  private let outputCap: Int64?

  init(_ service: CallService, _ call: CallService.Prepared, outputCap: Int64?) {
    self.service = service
    self.call = call
    self.outputCap = outputCap
  }

  private var health: HealthBook { service.health }
  private var asked: CallRequest { call.asked }
  private var record: CallRecord { call.record }

  /// Opens an answer, with a second target at the same time when the first lets wait. Throws the last `CallFailure`.
  func open(_ plan: RoutePlan) async throws -> Opened {
    if plan.hedgeMilliseconds != nil, plan.targets.count > 1 { return try await hedged(plan) }
    return try await series(course(plan), nil)
  }

  private func hedged(_ plan: RoutePlan) async throws -> Opened {
    guard let delay = plan.hedgeMilliseconds, let loop = EventLoop.current else { throw CancellationError() }
    health.noteHedgeable()
    let race = Race(on: loop) { [self] late in discard(late) }
    do {
      let first = course(plan)
      race.start { [self] runner in try await series(first, runner) }
      if try await !race.hasResult(within: .milliseconds(delay)), health.mayHedge() {
        record.hedged()
        var other = plan
        other.targets = Array(plan.targets.dropFirst())
        let second = course(other)
        race.start { [self] runner in try await series(second, runner) }
      }
      let opened = try await race.winner()
      record.chose(opened.target, opened.provider.kind)
      return opened
    } catch let error as CancellationError {
      race.cancel()
      throw error
    }
  }

  private func course(_ plan: RoutePlan) -> Course {
    Course(
      plan, snapshot: call.snapshot, health: health, policy: service.limits.retries, deadline: call.deadline,
      line: RateGuard.Line(guard: service.rates, deadline: call.deadline))
  }

  /// An answer that came after another was taken: what it has cost is accounted.
  private func discard(_ late: Opened) {
    health.released(late.health)
    switch late.answer {
    case .whole(let answer): record.paid(late.target, answer.usage, asked.estimate(answer), "hedge_lost")
    case .stream(let stream, _):
      record.paid(late.target, stream.watcher.usage, stream.estimate(promptTokens: asked.promptTokens), "hedge_lost")
    }
  }

  /// Attempts one after the other. Throws the last `CallFailure`.
  private func series(_ course: Course, _ runner: Race.Runner?) async throws -> Opened {
    defer { course.line.leave() }
    while true {
      switch try course.next() {
      case .attempt(let stop):
        guard let pass = try await enter(stop, course) else { continue }
        course.began()
        do { return try await attempt(stop, runner) } catch let failure as CallFailure {
          if let pass = pass.granted { record.release(pass) }
          try course.failed(failure)
        }
      case .pause(let milliseconds): try await EventLoop.sleep(for: .milliseconds(milliseconds))
      case .wait(let closed): try await course.line.wait(closed.gate, closed.milliseconds)
      }
    }
  }

  /// Leave to ask a target, with the pass of its gates when it has some.
  private final class Leave: Sendable {
    let granted: RatePass?
    init(_ granted: RatePass?) { self.granted = granted }
    static let free = Leave(nil)
  }

  /// Passes the gates of a model; nil when one of them is closed.
  private func enter(_ stop: Course.Stop, _ course: Course) async throws -> Leave? {
    guard call.snapshot.hasModelGates else { return Leave.free }
    let gates = call.snapshot.gates(model: stop.target.name)
    guard !gates.isEmpty else { return Leave.free }
    do {
      switch try await service.rates.tryToPass(
        UUID.version7(), gates, tokens: asked.promptTokens + (asked.outputTokens ?? 0))
      {
      case .passed(let pass):
        record.hold(pass)
        return Leave(pass)
      case .wait(let gate, let milliseconds):
        health.released(stop.key)
        course.met(gate, milliseconds: milliseconds)
        return nil
      }
    } catch {
      health.released(stop.key)
      throw error
    }
  }

  // MARK: One attempt

  /// A request on its way to a provider.
  private final class Outgoing: Sendable {
    let wire: Dialect
    let request: HTTPClientRequest
    let dropped: [String]
    /// What has to be changed back in the answer.
    let translation: RequestTranslation

    init(_ wire: Dialect, _ request: HTTPClientRequest, _ made: TranslatedRequest) {
      self.wire = wire
      self.request = request
      dropped = made.dropped
      translation = made.translation
    }
  }

  private func attempt(_ stop: Course.Stop, _ runner: Race.Runner?) async throws -> Opened {
    record.attempting(stop.target, stop.provider.kind)
    do {
      let outgoing = try outgoing(stop)
      let answer = try await service.client.send(outgoing.request, peer: "provider:\(stop.provider.name)")
      guard answer.status.isSuccess else { throw try await refusal(answer, stop) }
      return opened(try await read(answer, outgoing, stop), stop, outgoing)
    } catch {
      throw failed(error, stop, runner)
    }
  }

  @inline(never)
  private func opened(_ answer: OpenedAnswer, _ stop: Course.Stop, _ outgoing: Outgoing) -> Opened {
    record.firstToken()
    record.attempted(stop.target, "ok")
    return Opened(
      answer: answer, target: stop.target, provider: stop.provider, health: stop.key, dropped: outgoing.dropped)
  }

  /// Notes what came of an attempt, and returns what is to be thrown.
  @inline(never)
  private func failed(_ error: any Error, _ stop: Course.Stop, _ runner: Race.Runner?) -> any Error {
    guard let failure = Attempts.failure(error, stop.provider) else {
      health.released(stop.key)
      if runner?.hasLost == true {
        // The provider has read the prompt at least; what it has said is not known.
        record.paid(stop.target, nil, TokenUsage(input: asked.promptTokens), "hedge_lost")
      }
      return error
    }
    record.attempted(stop.target, failure.failureClass.rawValue)
    if health.failed(stop.key, failure.failureClass, retryAfter: failure.retryAfterSeconds.map { $0 * 1000 }) {
      service.telemetry.logger.warning(
        "a provider is given a pause",
        [
          "provider": .string(stop.provider.name), "model": .string(stop.target.name),
          "cause": .string(failure.failureClass.rawValue), "trace_id": .string(record.span.context.traceIDText),
        ])
    }
    return failure
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

  @inline(never)
  private func outgoing(_ stop: Course.Stop) throws -> Outgoing {
    let provider = stop.provider
    let (wire, made) = try asked.body(
      for: stop.target, provider, outputCap: stop.target.outputTokensMax == nil ? outputCap : nil)
    var headers = wire == .messages ? call.forwarded : HTTPHeaders()
    headers.append(.contentType, "application/json")
    headers.append(.accept, asked.wantsStream ? "text/event-stream" : "application/json")
    if wire == .messages, !headers.contains("anthropic-version") { headers.append("anthropic-version", "2023-06-01") }
    provider.authorize(&headers, key: provider.keys[stop.key.key])
    let limit = asked.wantsStream ? min(provider.record.timeout, provider.record.firstToken) : provider.record.timeout
    let now = MonotonicClock.now()
    let remaining = now >= call.deadline ? 0 : Int64((call.deadline - now) / 1_000_000)
    let request = HTTPClientRequest(
      .post, try provider.url(wire), headers: headers, body: .bytes(made.bytes),
      timeout: min(limit, .milliseconds(max(1, remaining))), pauseMax: provider.record.timeout,
      trace: record.span.context)
    return Outgoing(wire, request, made)
  }

  private func refusal(_ answer: HTTPClientResponse, _ stop: Course.Stop) async throws -> CallFailure {
    let body = (try? await answer.body.collect(upTo: Attempts.errorBytesMax)) ?? []
    return CallFailure(
      status: answer.status, body: body, retryAfterMilliseconds: RetryAfter.milliseconds(answer.headers),
      provider: stop.provider, filter: service.filter)
  }

  private func read(
    _ answer: HTTPClientResponse, _ outgoing: Outgoing, _ stop: Course.Stop
  ) async throws -> OpenedAnswer {
    let isEventStream = answer.headers[.contentType]?.hasPrefix("text/event-stream") ?? false
    guard asked.wantsStream, isEventStream else {
      return try whole(try await answer.body.collect(upTo: service.limits.answerBytes), outgoing, stop)
    }
    let stream = ProviderStream(
      answer.body, wire: outgoing.wire, request: asked, translation: outgoing.translation, model: stop.target.name,
      created: WallClock.now().unixMicroseconds / 1_000_000, bytesMax: service.limits.answerBytes)
    return .stream(stream, first: try await stream.open())
  }

  @inline(never)
  private func whole(_ body: [UInt8], _ outgoing: Outgoing, _ stop: Course.Stop) throws(CallFailure) -> OpenedAnswer {
    let answer = try ProviderAnswer(
      body, wire: outgoing.wire, request: asked, translation: outgoing.translation, model: stop.target.name,
      provider: stop.provider.name,
      created: WallClock.now().unixMicroseconds / 1_000_000)
    guard !asked.wantsStream else {
      throw CallFailure(
        status: .badGateway, code: "provider_garbage",
        message: "The provider \"\(stop.provider.name)\" did not stream its answer.", isRetryable: true,
        failureClass: .provider)
    }
    return .whole(answer)
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
