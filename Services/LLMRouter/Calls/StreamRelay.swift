internal import AnswerCache
internal import Contracts
internal import Dialects
internal import HTTP
internal import HTTPWire
internal import ModelCatalog
internal import Pricing
internal import Primitives
internal import Routing
internal import Telemetry

/// A provider's stream on its way to the caller, with its account. There are thousands at the same time, so the only
/// thing that waits is a small loop; everything else is in functions of its own.
///
/// `@unchecked Sendable`: used by the task that writes the answer only.
final class StreamRelay: @unchecked Sendable {
  private let service: CallService
  private let stream: ProviderStream
  private var started: StartedAnswer
  // Not the whole call: the request itself is not needed any more.
  private let account: CallAccount
  private let dialect: Dialect
  private let promptTokens: Int64
  private let cacheSeconds: Int64
  private let pendingWrite: PendingWrite
  private let key: CacheKey?
  private let firstTokenMicroseconds: Int64
  /// Goes on with another provider where the alias asks for it.
  private let rescue: StreamRescue?
  private var first: [UInt8]
  /// The stream has broken and was accounted; another one is looked for.
  private var isSettled = false
  /// Ends it from outside.
  private var cut: StreamCut?
  /// The bytes for the cache; nil when the answer is not cached.
  private var cacheCopy: [UInt8]?

  init(
    _ service: CallService, _ stream: ProviderStream, _ first: [UInt8], _ started: StartedAnswer, _ call: PreparedCall,
    _ key: CacheKey?, firstTokenMicroseconds: Int64
  ) {
    self.service = service
    self.stream = stream
    self.first = first
    self.started = started
    account = call.account
    dialect = call.request.dialect
    promptTokens = call.request.promptTokens
    cacheSeconds = call.policy.seconds
    pendingWrite = call.pendingWrite
    self.key = key
    self.firstTokenMicroseconds = firstTokenMicroseconds
    rescue = call.plan.rescue == .continue ? StreamRescue(service, call, first: started) : nil
    cacheCopy = key == nil ? nil : []
  }

  /// Sends everything, unless it is cut. Throws when the caller is gone.
  // Inlined, the steps below would be part of one frame, which stands for as long as the stream lasts.
  @inline(never)
  func run(_ cut: StreamCut?, _ write: Reply.Write) async throws {
    service.metrics.streams.add(1)
    defer { service.metrics.streams.add(-1) }
    self.cut = cut
    cut?.wake(by: { [stream] in stream.abandon() })
    do {
      if !first.isEmpty { try await write(try taken(), true) }
      while let bytes = try await next() {
        guard !bytes.isEmpty else { continue }
        try await write(bytes, false)
      }
    } catch let broken as Broken {
      // An event is the only way to report a failure in a stream that has begun.
      return try await write(broken.event, false)
    } catch {
      gone()
      throw error
    }
    finished()
  }

  /// The stream broke; the event reports it in the dialect of the caller.
  private struct Broken: Error {
    let event: [UInt8]
  }

  private func taken() throws -> [UInt8] {
    if let failure = cut?.failure { throw ended(by: failure) }
    let bytes = first
    first = []
    copy(bytes)
    return bytes
  }

  @inline(never)
  private func next() async throws -> [UInt8]? {
    if let failure = cut?.failure { throw ended(by: failure) }
    do {
      let bytes = try await stream.next()
      if let bytes { copy(bytes) }
      return bytes
    } catch {
      if let failure = cut?.failure { throw ended(by: failure) }
      guard var failure = AttemptLoop.failure(error, started.provider) else { throw error }
      failure.redact(service.filter)
      return try await continued(after: failure)
    }
  }

  private func copy(_ bytes: [UInt8]) {
    guard let size = cacheCopy?.count else { return }
    if size + bytes.count <= service.cache.bytesMax { cacheCopy? += bytes } else { cacheCopy = nil }
  }

  /// Goes on with another provider. Throws `Broken` when there is none.
  @inline(never)
  private func continued(after failure: CallFailure) async throws -> [UInt8] {
    service.health.failed(started.health, failure.failureClass, retryAfter: nil)
    cacheCopy = nil
    if let rescue, let text = stream.continuableText {
      account.settle(started.report(failure.code, promptTokens: promptTokens, progress: .begun))
      isSettled = true
      let next = try await rescue.next(after: failure, text)
      if let next, case .stream(let other, _) = next.content,
        let closing = stream.continued(by: other)
      {
        started = next
        isSettled = false
        return closing + StreamRescue.mark(next)
      }
      account.fail(failure)
    } else {
      account.end(
        failure.code, usage: stream.inspector.usage, estimate: stream.estimate(promptTokens: promptTokens),
        finish: stream.inspector.finishReason)
    }
    throw broken(by: failure)
  }

  /// The stream was cut: what came until then is charged, and the provider is not blamed.
  @inline(never)
  private func ended(by failure: CallFailure) -> Broken {
    service.health.released(started.health)
    account.end(
      failure.code, usage: stream.inspector.usage, estimate: stream.estimate(promptTokens: promptTokens),
      finish: stream.inspector.finishReason)
    return broken(by: failure)
  }

  private func broken(by failure: CallFailure) -> Broken {
    Broken(
      event: stream.failure(
        status: Int(failure.status(in: dialect).code), code: failure.code, message: failure.message,
        id: account.id.description))
  }

  /// The caller went away before the end of the stream: what came until then is charged; dropping the stream ends the
  /// call at the provider.
  @inline(never)
  private func gone() {
    guard !isSettled else { return account.fail(CancellationError()) }
    service.health.released(started.health)
    account.end(
      cut?.failure?.code ?? "client_gone", usage: stream.inspector.usage,
      estimate: stream.estimate(promptTokens: promptTokens))
  }

  @inline(never)
  private func finished() {
    service.health.succeeded(started.health, firstTokenMicroseconds: firstTokenMicroseconds)
    account.end(
      "ok", usage: stream.inspector.usage, estimate: stream.estimate(promptTokens: promptTokens),
      finish: stream.inspector.finishReason)
    let outcome = stream.inspector.outcome
    if let key, let cacheCopy, let usage = stream.inspector.usage, !outcome.isEmpty, !outcome.isFiltered {
      service.store(key, cacheCopy, Reply.eventStream, usage, started, seconds: cacheSeconds, pendingWrite)
    }
  }
}
