internal import Dialects
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Ledger
internal import ModelCatalog
internal import Pricing
internal import Primitives
internal import Reactor
internal import Routing
internal import SystemSources

/// A provider's event stream on its way to the caller, in the caller's dialect.
///
/// `@unchecked Sendable`: one task reads it at a time; it passes from the attempt to the writer of the answer.
final class ProviderStream: @unchecked Sendable {
  /// More than this is not buffered while the first token is awaited.
  private static let bufferedBytesMax = 1 << 20
  /// Events that are no JSON and are left out; more of them are no stream.
  private static let malformedMax = 32
  /// Time for the usage and the end that follow the finish reason, in nanoseconds. The answer is complete by then.
  private static let afterFinish: UInt64 = 1_000_000_000
  /// Time for the usage that some servers send behind `[DONE]`, in nanoseconds. Most end at once.
  private static let afterDone: UInt64 = 250_000_000
  /// Time in which a connection may come to its end to be used again, in nanoseconds.
  private static let tail: UInt64 = 1_000_000_000

  /// Where the stream comes from; nil when all of its events are there, and after its end.
  private var body: (any HTTPClientBody)?
  private var wire: Dialect
  private let dialect: Dialect
  private var limits: StreamLimits
  private let role: StreamRole
  /// Events of a continuation, which the stream before it writes.
  private var unread: [ServerSentEvent] = []
  private var idleTime: StreamIdleTime
  private var parser = ServerSentEventParser()
  private(set) var inspector: StreamInspector
  /// A translation is an object of its own: it is large, and most streams have none.
  private final class Translator {
    var translation: AnswerTranslation

    init(_ translation: AnswerTranslation) { self.translation = translation }
  }

  /// Nil where caller and provider speak the same dialect.
  private let translator: Translator?
  /// The tools that the provider knows by other names.
  private let names: NameMap?
  private let promptEstimate: Int64
  private let wantsUsage: Bool
  private var isClosed = false
  /// `[DONE]` or its like has come: nothing follows.
  private var isTerminated = false
  private var sawDone = false
  /// When `[DONE]` came without any usage before it: it is waited for, and `[DONE]` delayed.
  private var endedAt: UInt64?
  private var malformed = 0
  private let bytesMax: Int
  private var bytesSeen = 0
  /// Events that have come and are not passed on yet.
  private var events: [ServerSentEvent] = []
  private var nextEvent = 0
  /// Bytes of the stream that were read before.
  private var received: [UInt8]
  /// Several answers come in one stream: the finish of one is not that of the others.
  private let expectsOthers: Bool
  private(set) var hasContent = false

  /// A stream that comes from `body`, or whose events are there already.
  init(
    _ body: (any HTTPClientBody)?, received: [UInt8] = [], events: [ServerSentEvent] = [], wire: Dialect,
    request: CallRequest, translation changes: RequestTranslation, model: String, created: Int64, bytesMax: Int,
    limits: StreamLimits, role: StreamRole = .only
  ) {
    self.body = body
    self.received = received
    self.events = events
    expectsOthers = request.answers > 1
    self.wire = wire
    dialect = request.dialect
    self.limits = limits
    idleTime = StreamIdleTime(at: MonotonicClock.now())
    self.bytesMax = bytesMax
    inspector = StreamInspector(wire)
    promptEstimate = request.promptTokens
    names = changes.names.isEmpty ? nil : changes.names
    translator =
      request.dialect == wire && role == .only
      ? nil
      : AnswerTranslation(
        from: wire, to: request.dialect,
        AnswerContext(
          model: model, created: created, unique: ProviderStream.unique(), promptEstimate: request.promptTokens,
          wantsUsage: request.wantsUsage, names: changes.names,
          echo: request.dialect == .responses && wire != .responses ? ResponseEcho(request.document.root) : .none)
      ).map { Translator($0) }
    translator?.translation.keepsText = role == .continuable
    self.role = role
    wantsUsage = request.wantsUsage || request.dialect != .chat
  }

  /// Digits for ids that no other answer has.
  static func unique() -> String {
    String(decoding: UUID.version7().description.utf8.filter { $0 != UInt8(ascii: "-") }, as: UTF8.self)
  }

  /// Reads until the first token, or the end, and returns what may be sent by then.
  func open() async throws -> [UInt8] {
    var first: [UInt8] = []
    while !hasContent, first.count < ProviderStream.bufferedBytesMax {
      guard let piece = try await next() else { break }
      first += piece
    }
    return first
  }

  /// Whether the answer is all there, even if the connection does not end properly.
  var isAnswered: Bool { inspector.isComplete || inspector.finishReason != nil }

  /// The next bytes for the caller; nil after the end. Throws `StreamFault`, `HTTPClientError` and `CallFailure`, also
  /// for a stream that ends without saying so.
  @inline(never)
  func next() async throws -> [UInt8]? {
    if nextEvent < events.count { return try passEvents() }
    guard !isClosed else { return nil }
    if !received.isEmpty {
      let piece = received
      received = []
      try take(piece)
      return try passEvents()
    }
    guard !isTerminated, let body else { return try end() }
    idleTime.resumed(at: MonotonicClock.now())
    let deadline = deadline
    do {
      guard let piece = try await body.next(before: deadline) else {
        idleTime.paused(at: MonotonicClock.now())
        self.body = nil
        return try end()
      }
      idleTime.paused(at: MonotonicClock.now())
      try take(piece)
    } catch let error as HTTPClientError {
      self.body = nil
      // A complete answer is one, however its connection ends.
      if isAnswered { return try end() }
      throw error.code == .timedOut ? timeout() : error
    }
    return try passEvents()
  }

  /// Until when the next piece has to come.
  private var deadline: UInt64 {
    var deadline = limits.deadline
    if let endedAt {
      deadline = min(deadline, endedAt &+ ProviderStream.afterDone)
    } else if let finishedAt = idleTime.finishedAt {
      deadline = min(deadline, finishedAt &+ ProviderStream.afterFinish)
    } else if hasContent {
      deadline = min(deadline, idleTime.since &+ limits.stallNanoseconds)
    } else {
      deadline = min(deadline, limits.firstTokenBy)
    }
    return deadline
  }

  /// What a time-out means.
  private func timeout() -> CallFailure {
    if MonotonicClock.now() >= limits.deadline {
      return .timeout("The time for the whole call (call.timeout_ms) was over.", code: "call_timeout")
    }
    return .timeout(
      hasContent
        ? "The provider \"\(limits.provider)\" stopped in the midst of its answer."
        : "The provider \"\(limits.provider)\" did not begin to answer in time.")
  }

  private func end() throws -> [UInt8]? {
    isClosed = true
    guard isAnswered else {
      throw HTTPClientError(.connectionLost, outcomeUnknown: true, reason: "the stream ended early")
    }
    release()
    var closing: [UInt8] = []
    finish(&closing)
    return closing
  }

  /// Ends the exchange with the provider: whoever waits for the next bytes gets an error. On the loop of the reader.
  func abandon() { body?.abandon() }

  /// Lets the connection come to its own end beside the way to the caller, so that it can be used again.
  private func release() {
    guard let body, let loop = EventLoop.current else { return }
    self.body = nil
    let deadline = MonotonicClock.now() &+ ProviderStream.tail
    _ = loop.task { [bytesMax] in
      var rest = bytesMax
      while rest > 0, let piece = try await body.next(before: deadline) { rest -= piece.count }
    }
  }

  private func take(_ piece: [UInt8]) throws {
    bytesSeen += piece.count
    guard bytesSeen <= bytesMax else {
      throw StreamFault(code: "answer_too_large", message: "the answer is larger than \(bytesMax) bytes")
    }
    events = try parser.feed(piece)
    nextEvent = 0
  }

  /// Passes on the events that have come; of a burst the first token alone, so that they need not wait for the rest.
  @inline(never)
  private func passEvents() throws -> [UInt8] {
    let hadContent = hasContent
    var bytes: [UInt8] = []
    while nextEvent < events.count {
      let event = events[nextEvent]
      nextEvent += 1
      guard !isTerminated, let inspection = try inspect(event) else { continue }
      if inspection.hasContent {
        hasContent = true
        idleTime.ended(at: idleTime.now)
      }
      try pass(event, inspection, &bytes)
      if hasContent, !hadContent { break }
    }
    if nextEvent == events.count {
      events = []
      nextEvent = 0
    }
    return bytes
  }

  /// Looks at an event; nil for one that cannot be read and is left out.
  private func inspect(_ event: ServerSentEvent) throws(StreamFault) -> StreamInspector.Inspection? {
    let inspection: StreamInspector.Inspection
    do { inspection = try inspector.inspect(event) } catch {
      // An error after the finish reason takes nothing back.
      if isAnswered {
        isTerminated = true
        return nil
      }
      guard error.code == "provider_garbage" else { throw error }
      malformed += 1
      guard malformed <= ProviderStream.malformedMax else { throw error }
      return nil
    }
    if endedAt != nil {
      isTerminated = inspection.isEnd || inspector.usage != nil
      return inspection.isUsageOnly ? inspection : nil
    }
    if inspection.isEnd, wire == .chat || wire == .completions, inspector.usage == nil {
      endedAt = idleTime.now
      return nil
    }
    if inspection.isEnd {
      isTerminated = true
      sawDone = wire == .chat || wire == .completions || wire == .embeddings
    }
    if isAnswered, !expectsOthers { idleTime.finished(hasContent: inspection.hasContent) }
    return inspection
  }

  private func pass(
    _ event: ServerSentEvent, _ inspection: StreamInspector.Inspection, _ bytes: inout [UInt8]
  ) throws(StreamFault) {
    if role == .continuation {
      unread.append(event)
      return
    }
    if let translator {
      if let parsed = inspection.parsed { try translator.translation.take(parsed, named: event.event, to: &bytes) }
      return
    }
    guard wantsUsage || !inspection.isUsageOnly else { return }
    guard var parsed = inspection.parsed else { return event.append(to: &bytes) }
    guard inspection.mayHoldUsage || names != nil else { return event.append(to: &bytes) }
    let original = parsed
    let repaired = inspection.mayHoldUsage ? repaired(parsed) : nil
    if let repaired { parsed = repaired }
    guard let changed = names.flatMap({ Answers.own(event: parsed, wire, $0) }) ?? repaired?.document.bytes else {
      return event.append(to: &bytes)
    }
    ServerSentEvent(id: event.id, event: event.event, data: original.sendable(changed)).append(to: &bytes)
  }

  /// An event whose counts cannot be true, with those of the ledger; nil for others.
  private func repaired(_ event: ProviderJSON) -> ProviderJSON? {
    let root = event.root
    guard root["usage"] != nil || root["message"] != nil || root["response"] != nil || root["x_groq"] != nil else {
      return nil
    }
    let accounted = TokenUsage.accounted(inspector.usage, estimate: estimate(promptTokens: promptEstimate))
    return UsageRepair.repaired(root, wire, accounted, isFinal: inspector.isComplete || inspector.finishReason != nil)
      .flatMap { ProviderJSON($0) }
  }

  private func finish(_ bytes: inout [UInt8]) {
    if let translator {
      // The same counts as in the ledger.
      let estimate = estimate(promptTokens: promptEstimate)
      translator.translation.finish(TokenUsage.accounted(inspector.usage, estimate: estimate).usage, to: &bytes)
      return
    }
    // The end that clients wait for, where the provider has not sent it.
    if wire == .chat || wire == .completions, !sawDone { bytes += Array("data: [DONE]\n\n".utf8) }
    if wire == .messages, !inspector.isComplete {
      ServerSentEvent(event: "message_stop", data: Array(#"{"type":"message_stop"}"#.utf8)).append(to: &bytes)
    }
  }

  // MARK: Going on with another provider

  /// The text so far, if another provider can continue it: text only, no calls of tools.
  var continuableText: String? {
    guard role == .continuable, let translation = translator?.translation, !translation.isOver, !translation.hasCalls,
      !isAnswered,
      !translation.text.isEmpty, translation.text.utf8.count <= ProviderStream.bufferedBytesMax
    else { return nil }
    return translation.text
  }

  /// Goes on with what another provider sends. Returns what closes the part before; nil when it cannot be read.
  func continued(by other: ProviderStream) -> [UInt8]? {
    var bytes: [UInt8] = []
    guard
      translator?.translation.continued(from: other.wire, unique: ProviderStream.unique(), to: &bytes) ?? false
    else { return nil }
    release()
    body = other.body
    other.body = nil
    wire = other.wire
    limits = other.limits
    parser = other.parser
    // Its events are inspected again here.
    inspector = StreamInspector(other.wire)
    events = other.unread + other.events[other.nextEvent...]
    nextEvent = 0
    received = other.received
    bytesSeen = 0
    idleTime = StreamIdleTime(at: MonotonicClock.now())
    isClosed = false
    isTerminated = false
    sawDone = false
    endedAt = nil
    hasContent = true
    return bytes
  }

  /// The stream broke: the event that reports it to the caller. Where events are numbered, its number is the next.
  func failure(status: Int, code: String, message: String, id: String) -> [UInt8] {
    var bytes: [UInt8] = []
    if translator?.translation.fail(status: status, code: code, message: message, to: &bytes) ?? false { return bytes }
    if dialect == .responses { return inspector.failure(status: status, code: code, message: message) }
    return dialect.errorEvent(status: status, code: code, message: message, id: id)
  }

  /// What has come by now, for the ledger.
  func add(to report: inout AttemptReport) {
    report.usage = inspector.usage
    report.deliveredBytes = Int64(inspector.contentBytes)
    report.isStream = true
  }

  /// What stands for the usage when the provider does not report it: the prompt, and what came.
  func estimate(promptTokens: Int64) -> TokenUsage {
    TokenUsage(input: promptTokens, output: Int64((inspector.contentBytes + 2) / 3))
  }
}
