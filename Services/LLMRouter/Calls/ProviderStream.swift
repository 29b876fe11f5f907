internal import Dialects
internal import HTTP
internal import HTTPWire
internal import Pricing

/// A provider's event stream on its way to the caller, in the caller's dialect.
///
/// `@unchecked Sendable`: one task reads it at a time; it is handed from the attempt to the writer of the answer.
final class ProviderStream: @unchecked Sendable {
  /// More than this is not held back while the first words are awaited.
  private static let heldBytesMax = 1 << 20

  private enum Translation {
    case none(wantsUsage: Bool)
    case one(any AnswerStream)
    case two(ChatStreamFromMessages, ResponseStreamFromChat)
  }

  private let body: any HTTPClientBody
  private var parser = ServerSentEventParser()
  private(set) var watcher: StreamWatcher
  private var translation: Translation
  private var isClosed = false
  private let bytesMax: Int
  private var bytesSeen = 0
  /// Events that have come and are not passed on yet.
  private var events: [ServerSentEvent] = []
  private var nextEvent = 0
  private(set) var hasContent = false

  init(
    _ body: any HTTPClientBody, wire: Dialect, request: CallRequest, translation changes: RequestTranslation, model: String,
    created: Int64, bytesMax: Int
  ) {
    self.body = body
    self.bytesMax = bytesMax
    watcher = StreamWatcher(wire)
    switch (request.dialect, wire) {
    case (.messages, .chat):
      translation = .one(MessageStreamFromChat(model: model, promptEstimate: request.promptTokens))
    case (.chat, .messages):
      translation = .one(ChatStreamFromMessages(model: model, created: created, wantsUsage: request.wantsUsage))
    case (.responses, .chat): translation = .one(ResponseStreamFromChat(model: model, created: created))
    case (.responses, .messages):
      translation = .two(
        ChatStreamFromMessages(model: model, created: created, wantsUsage: true),
        ResponseStreamFromChat(model: model, created: created))
    default: translation = .none(wantsUsage: request.wantsUsage || request.dialect != .chat)
    }
  }

  /// Reads until the first words, or the end, and returns what may be sent by then.
  func open() async throws -> [UInt8] {
    var held: [UInt8] = []
    while !hasContent, !watcher.isComplete, held.count < ProviderStream.heldBytesMax {
      guard let piece = try await next() else { break }
      held += piece
    }
    return held
  }

  /// The next bytes for the caller; nil after the end. Throws `StreamFault` and `HTTPClientError`, also for a stream
  /// that ends without saying so.
  func next() async throws -> [UInt8]? {
    if nextEvent < events.count { return try passEvents() }
    guard !isClosed else { return nil }
    guard let piece = try await body.next() else { return try end() }
    try take(piece)
    return try passEvents()
  }

  private func end() throws -> [UInt8] {
    isClosed = true
    guard watcher.isComplete else {
      throw HTTPClientError(.connectionLost, outcomeUnknown: true, reason: "the stream ended early")
    }
    var closing: [UInt8] = []
    finish(&closing)
    return closing
  }

  private func take(_ piece: [UInt8]) throws {
    bytesSeen += piece.count
    guard bytesSeen <= bytesMax else {
      throw StreamFault(code: "answer_too_large", message: "the answer is larger than \(bytesMax) bytes")
    }
    events = try parser.feed(piece)
    nextEvent = 0
  }

  /// Passes on the events that have come; of a burst the first words alone, so that they need not wait for the rest.
  @inline(never)
  private func passEvents() throws -> [UInt8] {
    let hadContent = hasContent
    var bytes: [UInt8] = []
    while nextEvent < events.count {
      let event = events[nextEvent]
      nextEvent += 1
      let sight = try watcher.watch(event)
      if sight.hasContent { hasContent = true }
      try pass(event, sight, &bytes)
      if hasContent, !hadContent { break }
    }
    if nextEvent == events.count {
      events = []
      nextEvent = 0
    }
    return bytes
  }

  private func pass(
    _ event: ServerSentEvent, _ sight: StreamWatcher.Sight, _ bytes: inout [UInt8]
  ) throws(StreamFault) {
    switch translation {
    case .none(let wantsUsage):
      if wantsUsage || !sight.isUsageOnly { event.append(to: &bytes) }
    case .one(var stream):
      _ = try stream.take(event, to: &bytes)
      translation = .one(stream)
    case .two(var first, var second):
      var middle: [UInt8] = []
      _ = try first.take(event, to: &middle)
      try ProviderStream.feed(middle, &second, &bytes)
      translation = .two(first, second)
    }
  }

  private static func feed(
    _ middle: [UInt8], _ second: inout ResponseStreamFromChat, _ bytes: inout [UInt8]
  ) throws(StreamFault) {
    var parser = ServerSentEventParser()
    let events: [ServerSentEvent]
    do { events = try parser.feed(middle) } catch {
      throw StreamFault(code: "provider_garbage", message: "The stream could not be translated.")
    }
    for event in events { _ = try second.take(event, to: &bytes) }
  }

  private func finish(_ bytes: inout [UInt8]) {
    switch translation {
    case .none: break
    case .one(var stream): stream.finish(to: &bytes)
    case .two(var first, var second):
      var middle: [UInt8] = []
      first.finish(to: &middle)
      try? ProviderStream.feed(middle, &second, &bytes)
      second.finish(to: &bytes)
    }
  }

  /// What stands for the usage when the provider does not tell it: what was asked, and what came.
  func estimate(promptTokens: Int64) -> TokenUsage {
    TokenUsage(input: promptTokens, output: Int64((watcher.contentBytes + 2) / 3))
  }
}
