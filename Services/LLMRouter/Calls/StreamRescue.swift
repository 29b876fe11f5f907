internal import Contracts
internal import Dialects
internal import HTTPWire
internal import JSON
internal import Ledger
internal import ModelCatalog
internal import Routing

/// Goes on with a stream that broke after its caller had some of it: the next model is given the text so far as
/// the beginning of its own answer. For aliases that ask for it (`"rescue": "continue"`).
///
/// `@unchecked Sendable`: used by the task that writes the answer only.
final class StreamRescue: @unchecked Sendable {
  private let service: CallService
  private let call: PreparedCall
  private var plan: ContinuationPlan

  /// `first`: the one that the answer comes from so far.
  init(_ service: CallService, _ call: PreparedCall, first: StartedAnswer) {
    self.service = service
    self.call = call
    plan = ContinuationPlan(call.plan, first: first.target.id)
  }

  /// Kinds whose models take the beginning of their answer as the last message.
  private static func takesPrefill(_ kind: ProviderKind) -> Bool {
    switch kind {
    case .anthropic, .compatible, .vllm, .ollama: true
    case .openai, .gemini: false
    }
  }

  /// Another model's answer from `text` on; nil when there is none. Throws `CancellationError` when the caller is gone.
  @inline(never)
  func next(after failure: CallFailure, _ text: String) async throws -> StartedAnswer? {
    guard failure.code != "call_timeout" else { return nil }
    let able = plan.targets(after: failure.failureClass) { target in
      call.snapshot.providers[target.provider].map { StreamRescue.takesPrefill($0.kind) } ?? false
    }
    guard !able.isEmpty, var request = call.request.continued(from: text) else { return nil }
    // The bound of the budget applies to the rest too.
    if let bound = call.account.loweredTo { request = request.bounded(bound) }
    let cap = call.account.isReserved ? service.limits.outputTokens : nil
    let reason = "\(call.plan.reason), continued after \(failure.code)"
    do {
      let started = try await AttemptLoop(service, call.with(request), outputCap: cap, isContinuation: true)
        .start(RoutePlan(targets: able, reason: reason))
      plan.continued(by: started.target.id)
      call.account.route("\(reason) at \(started.target.name)")
      return started
    } catch is CallFailure {
      return nil
    }
  }

  /// A comment in the stream that names the model that continues it.
  static func mark(_ started: StartedAnswer) -> [UInt8] {
    var bytes: [UInt8] = []
    ServerSentEvent.appendComment(
      "continued by \(CallLabels.plain(started.target.name)) at \(CallLabels.plain(started.provider.name))", to: &bytes)
    return bytes
  }
}

extension CallRequest {
  /// The request with the beginning of its answer; nil when the dialect has no such request.
  func continued(from text: String) -> CallRequest? {
    var end = Substring(text)
    // Anthropic takes no white space at the end.
    while end.last?.isWhitespace ?? false { end.removeLast() }
    guard !end.isEmpty, dialect != .embeddings, dialect != .completions else { return nil }
    let root = document.root
    var writer = JSONWriter(reservingBytes: document.bytes.count + end.utf8.count + 128)
    writer.beginObject()
    for (key, value) in root.members {
      let name = key.string ?? ""
      switch name {
      case "messages", "input":
        writer.key(name)
        writer.beginArray()
        if let text = value.string {
          writer.beginObject()
          writer.member("role", "user")
          writer.member("content", text)
          writer.endObject()
        }
        for element in value.elements { writer.raw(element.rawBytes) }
        writer.beginObject()
        writer.member("role", "assistant")
        writer.member("content", String(end))
        writer.endObject()
        writer.endArray()
      // A model that has begun to answer thinks no more.
      case "thinking", "reasoning", "reasoning_effort": continue
      default: writer.member(name, raw: value.rawBytes)
      }
    }
    writer.endObject()
    guard let document = try? JSONDocument(parsing: writer.bytes) else { return nil }
    return try? CallRequest(document, dialect)
  }
}
