internal import Dialects
internal import HTTP
internal import HTTPWire
internal import JSON
internal import ModelCatalog
internal import Pricing
internal import Primitives
internal import Reactor
internal import Routing
internal import SystemSources
internal import Telemetry

/// One attempt: the request to one target with one key, and what comes of it.
extension AttemptLoop {
  private static let errorBytesMax = 256 << 10
  /// Time to read the body of a refusal, in nanoseconds.
  private static let errorNanoseconds: UInt64 = 10_000_000_000
  /// Time to connect to a provider.
  private static let connectTimeout = Duration.seconds(10)
  /// Streams are buffered up to this size.
  private static let bufferedBytesMax = 16 << 20

  /// A request on its way to a provider.
  private final class Outgoing: Sendable {
    let body: CallRequest
    let wire: Dialect
    let request: HTTPClientRequest
    let dropped: [String]
    /// What has to be changed back in the answer.
    let translation: RequestTranslation
    let limits: StreamLimits
    /// The end of a whole answer, in monotonic nanoseconds.
    let wholeBy: UInt64

    init(
      _ body: CallRequest, _ wire: Dialect, _ request: HTTPClientRequest, _ made: TranslatedRequest,
      dropped: [String], limits: StreamLimits, wholeBy: UInt64
    ) {
      self.body = body
      self.wire = wire
      self.request = request
      self.dropped = dropped
      translation = made.translation
      self.limits = limits
      self.wholeBy = wholeBy
    }
  }

  /// How far an attempt has come, for its report.
  ///
  /// `@unchecked Sendable`: used by the task of one attempt only.
  private final class Progress: @unchecked Sendable {
    let sentAt = MonotonicClock.now()
    var isSent = false
    var isAccepted = false
    /// Bytes of a whole answer, as many as were promised or came.
    var bodyBytes = 0
    var stream: ProviderStream?
    var whole: ProviderAnswer?
    /// Usage that the provider reported beside an answer that cannot be passed on.
    var reportedUsage: TokenUsage?
  }

  /// Asks one target. Throws a `CallFailure`, or `CancellationError` when the caller is gone.
  func attempt(_ target: AttemptTarget, _ series: AttemptSeries, _ hedge: HedgedAttempt?) async throws -> StartedAnswer
  {
    account.attempting(target.model, target.provider.kind)
    let progress = Progress()
    do {
      let outgoing = try outgoing(target, series, progress)
      progress.isSent = true
      let answer = try await service.client.send(outgoing.request, peer: "provider:\(target.provider.name)")
        .decoded(upTo: service.limits.answerBytes)
      guard answer.status.isSuccess else { throw try await refusal(answer, target) }
      progress.isAccepted = true
      progress.bodyBytes = AttemptLoop.promisedBytes(answer, max: service.limits.answerBytes)
      let started = try await read(answer, outgoing, target, progress)
      if isFiltered(progress), series.hasFallback(for: .content) { throw filtered(target) }
      return self.started(started, target, outgoing, progress)
    } catch {
      throw failed(error, target, hedge, progress)
    }
  }

  @inline(never)
  private func started(
    _ answer: StartedAnswer.Content, _ target: AttemptTarget, _ outgoing: Outgoing, _ progress: Progress
  ) -> StartedAnswer {
    account.firstToken()
    account.attempted(target.model, "ok")
    health.answering(target.key)
    return StartedAnswer(
      answer, target: target.model, provider: target.provider, health: target.key, dropped: outgoing.dropped,
      sentAt: progress.sentAt)
  }

  /// Notes what came of an attempt, and returns what is to be thrown.
  @inline(never)
  private func failed(
    _ error: any Error, _ target: AttemptTarget, _ hedge: HedgedAttempt?, _ progress: Progress
  ) -> any Error {
    guard var failure = AttemptLoop.failure(error, target.provider) else {
      health.released(target.key)
      guard progress.isSent else { return error }
      // The provider has read the prompt at least; what it has generated is known as far as it came.
      let report = report(target, .begun, hedge?.hasLost == true ? "hedge_lost" : "client_gone", progress)
      account.settle(report)
      return error
    }
    let isReportedError = progress.isAccepted && AttemptLoop.isReportedByProvider(error)
    if progress.isAccepted { failure.isBegun = true }
    failure.redact(service.filter)
    account.attempted(target.model, failure.failureClass.rawValue)
    var report = report(
      target, !progress.isSent ? .unsent : failure.isBegun ? .begun : .refused, failure.code, progress)
    if isReportedError { AttemptLoop.settleReported(&report, progress.stream != nil) }
    account.settle(report)
    if health.failed(target.key, failure.failureClass, retryAfter: failure.retryAfterMilliseconds) {
      service.telemetry.logger.warning(
        "a provider is given a pause",
        [
          "provider": .string(target.provider.name), "model": .string(target.model.name),
          "cause": .string(failure.failureClass.rawValue), "trace_id": .string(account.span.context.traceIDText),
        ])
    }
    return failure
  }

  private func report(
    _ target: AttemptTarget, _ reached: AttemptReport.Progress, _ outcome: String, _ progress: Progress
  ) -> AttemptReport {
    var report = AttemptReport(
      target: target.model, kind: target.provider.kind, progress: reached, outcome: outcome,
      promptTokens: call.request.promptTokens, outputTokensMax: call.request.outputTokens,
      isStream: call.request.wantsStream, sentAt: progress.sentAt, endedAt: MonotonicClock.now())
    if let stream = progress.stream {
      stream.add(to: &report)
    } else if let whole = progress.whole {
      report.usage = whole.usage
      report.deliveredBytes = Int64(whole.deliveredBytes)
      report.isEndKnown = true
    } else if progress.isAccepted, outcome != AttemptReport.clientGone {
      // What cannot be read was generated all the same.
      report.usage = progress.reportedUsage
      report.isEndKnown = progress.reportedUsage != nil
      let isCounted = progress.reportedUsage != nil || call.request.dialect == .embeddings
      report.deliveredBytes = isCounted ? 0 : Int64(progress.bodyBytes)
    }
    if progress.stream?.isAnswered ?? false { report.isEndKnown = true }
    return report
  }

  /// The length of a whole answer by its head.
  private static func promisedBytes(_ answer: HTTPClientResponse, max: Int) -> Int {
    answer.headers[.contentLength].flatMap { Int($0) }.map { Swift.max(0, min($0, max)) } ?? 0
  }

  /// Whether the provider itself reported that there is no answer.
  private static func isReportedByProvider(_ error: any Error) -> Bool {
    switch error {
    case let fault as StreamFault: !["provider_garbage", "answer_too_large"].contains(fault.code)
    case let failure as CallFailure:
      !["provider_garbage", "provider_timeout", "call_timeout", "content_filter", "answer_too_large"].contains(
        failure.code)
    default: false
    }
  }

  /// An error in place of an answer is a refusal, as long as nothing was generated or counted before.
  private static func settleReported(_ report: inout AttemptReport, _ isStream: Bool) {
    if !isStream { report.deliveredBytes = 0 }
    report.isEndKnown = true
    if report.usage == nil, report.deliveredBytes == 0 { report.progress = .refused }
  }

  /// What went wrong; nil when the caller went away.
  static func failure(_ error: any Error, _ provider: Provider) -> CallFailure? {
    switch error {
    case let error as CallFailure: return error
    case let error as StreamFault: return CallFailure(error, provider: provider.name)
    case let error as HTTPClientError: return CallFailure(error, provider: provider)
    case let error as HTTPWireError:
      var failure = CallFailure.garbage(provider.name, "cannot be read: \(error.message)")
      failure.isBegun = true
      return failure
    case is CancellationError: return nil
    default:
      return CallFailure(
        status: .badGateway, code: "provider_failed",
        message: "The call to the provider \"\(provider.name)\" failed.", isRetryable: true, isBegun: true,
        failureClass: .transport)
    }
  }

  // MARK: The request

  @inline(never)
  private func outgoing(_ target: AttemptTarget, _ series: AttemptSeries, _ progress: Progress) throws -> Outgoing {
    let provider = target.provider
    let body = series.dropsTools ? call.request.withoutTools() : call.request
    let (wire, made) = try body.body(
      for: target.model, provider, outputCap: target.model.outputTokensMax == nil ? outputCap : nil,
      mayHaveThread: keepsThreads)
    var headers = wire == .messages ? call.forwarded : HTTPHeaders()
    headers.append(.contentType, "application/json")
    headers.append(.accept, body.wantsStream ? "text/event-stream" : "application/json")
    headers.append(.acceptEncoding, "identity")
    if wire == .messages, !headers.contains("anthropic-version") { headers.append("anthropic-version", "2023-06-01") }
    provider.authorize(&headers, key: provider.keys[target.key.key])
    let times = service.limits.times.with(provider.record.times)
    let now = progress.sentAt
    func moment(_ duration: Duration) -> UInt64 {
      min(call.deadline, now &+ UInt64(clamping: duration.nanoseconds))
    }
    let firstTokenBy = moment(times.firstToken(hasOthers: series.hasOtherTargets))
    let wholeBy = moment(times.timeout)
    let headBy = body.wantsStream ? firstTokenBy : wholeBy
    var request = HTTPClientRequest(
      .post, try provider.url(wire), headers: headers, body: .bytes(made.bytes),
      timeout: .nanoseconds(Int64(clamping: max(1_000_000, headBy > now ? headBy - now : 0))),
      pauseMax: .seconds(3600), trace: account.span.context)
    request.connectTimeout = AttemptLoop.connectTimeout
    let limits = StreamLimits(
      provider: provider.name, firstTokenBy: firstTokenBy,
      stallNanoseconds: UInt64(clamping: times.stallOrStandard.nanoseconds), deadline: call.deadline)
    let isWithoutTools = body.isWithoutTools && call.hasOptionalTools
    return Outgoing(
      body, wire, request, made, dropped: made.dropped + (isWithoutTools ? ["tools"] : []), limits: limits,
      wholeBy: wholeBy)
  }

  // MARK: The answer

  /// Whether a model of the plan may have the thread that a request goes on with.
  private var keepsThreads: Bool {
    call.request.dialect == .messages
      && call.plan.targets.contains { call.snapshot.providers[$0.provider]?.kind == .anthropic }
  }

  private func refusal(_ answer: HTTPClientResponse, _ target: AttemptTarget) async throws -> CallFailure {
    let deadline = min(call.deadline, MonotonicClock.now() &+ AttemptLoop.errorNanoseconds)
    let body = (try? await answer.body.collect(upTo: AttemptLoop.errorBytesMax, before: deadline)) ?? []
    var failure = CallFailure(
      status: answer.status, body: body, retryAfterMilliseconds: RetryAfter.milliseconds(answer.headers),
      provider: target.provider, filter: service.filter)
    if target.provider.kind == .anthropic { failure.details = DialectFault.Details(refusal: body) }
    return failure
  }

  /// Reads an answer, whole or streamed, as its caller wants it, whatever the provider has made of it.
  private func read(
    _ answer: HTTPClientResponse, _ outgoing: Outgoing, _ target: AttemptTarget, _ progress: Progress
  ) async throws -> StartedAnswer.Content {
    let isEventStream = answer.headers[.contentType]?.lowercased().hasPrefix("text/event-stream") ?? false
    guard outgoing.body.wantsStream else {
      let bytes = try await answer.body.collect(upTo: service.limits.answerBytes, before: outgoing.wholeBy)
      progress.bodyBytes = bytes.count
      return try whole(bytes, isEvents: isEventStream || AttemptLoop.looksLikeEvents(bytes), outgoing, target, progress)
    }
    var first: [UInt8] = []
    if !isEventStream {
      // Some providers stream under another type, and some do not stream at all.
      while !first.contains(where: { $0 > 0x20 }), first.count < 4096,
        let piece = try await answer.body.next(before: outgoing.limits.firstTokenBy)
      {
        first += piece
      }
      if !AttemptLoop.looksLikeEvents(first) {
        let rest = try await answer.body.collect(
          upTo: max(0, service.limits.answerBytes - first.count), before: outgoing.wholeBy)
        progress.bodyBytes = first.count + rest.count
        return try await buffered(try streamed(first + rest, outgoing, target, progress), progress)
      }
    }
    let stream = ProviderStream(
      answer.body, received: first, wire: outgoing.wire, request: outgoing.body, translation: outgoing.translation,
      model: target.model.name, created: WallClock.now().unixMicroseconds / 1_000_000,
      bytesMax: service.limits.answerBytes, limits: outgoing.limits, role: role)
    return try await buffered(stream, progress)
  }

  /// Opens a stream, and reads all of it when nothing may be passed on before its end.
  private func buffered(_ stream: ProviderStream, _ progress: Progress) async throws -> StartedAnswer.Content {
    progress.stream = stream
    var first = try await stream.open()
    if buffersStreams {
      while first.count <= AttemptLoop.bufferedBytesMax, let piece = try await stream.next() { first += piece }
    }
    return .stream(stream, first: first)
  }

  private static func looksLikeEvents(_ bytes: [UInt8]) -> Bool {
    let start = bytes.drop { $0 <= 0x20 || $0 == 0xEF || $0 == 0xBB || $0 == 0xBF }
    return start.first == UInt8(ascii: ":")
      || ["data:", "event:", "id:", "retry:"].contains { start.starts(with: $0.utf8) }
  }

  /// A whole answer where a stream was requested becomes one.
  @inline(never)
  private func streamed(
    _ body: [UInt8], _ outgoing: Outgoing, _ target: AttemptTarget, _ progress: Progress
  ) throws -> ProviderStream {
    let root: JSONView
    do { root = try ProviderAnswer.read(body, outgoing.wire, provider: target.provider.name) } catch {
      progress.reportedUsage = ProviderAnswer.usage(beside: body, outgoing.wire)
      throw error
    }
    return ProviderStream(
      nil, events: EventsFromWhole.events(root, outgoing.wire), wire: outgoing.wire, request: outgoing.body,
      translation: outgoing.translation, model: target.model.name,
      created: WallClock.now().unixMicroseconds / 1_000_000, bytesMax: service.limits.answerBytes,
      limits: outgoing.limits, role: role)
  }

  @inline(never)
  private func whole(
    _ body: [UInt8], isEvents: Bool, _ outgoing: Outgoing, _ target: AttemptTarget, _ progress: Progress
  ) throws -> StartedAnswer.Content {
    var body = body
    if isEvents {
      var parser = ServerSentEventParser()
      var collector = WholeFromEvents(outgoing.wire, unique: ProviderStream.unique())
      for event in try parser.feed(body + [10, 10]) { try collector.take(event) }
      guard let bytes = collector.bytes else {
        throw CallFailure.garbage(target.provider.name, "is a stream of nothing")
      }
      body = bytes
    }
    do {
      let answer = try ProviderAnswer(
        body, wire: outgoing.wire, request: outgoing.body, translation: outgoing.translation,
        model: target.model.name, provider: target.provider.name, created: WallClock.now().unixMicroseconds / 1_000_000)
      progress.whole = answer
      return .whole(answer)
    } catch {
      progress.reportedUsage = ProviderAnswer.usage(beside: body, outgoing.wire)
      throw error
    }
  }

  // MARK: Filters

  /// Whether the answer is nothing but the refusal of a content filter.
  private func isFiltered(_ progress: Progress) -> Bool {
    if let stream = progress.stream {
      return stream.isAnswered && stream.inspector.outcome.isEmpty && stream.inspector.outcome.isFiltered
    }
    return progress.whole.map { $0.outcome.isEmpty && $0.outcome.isFiltered } ?? false
  }

  private func filtered(_ target: AttemptTarget) -> CallFailure {
    CallFailure(
      status: .badRequest, code: "content_filter",
      message: "The content filter of the provider \"\(target.provider.name)\" kept the answer back.", isBegun: true,
      failureClass: .content)
  }
}
