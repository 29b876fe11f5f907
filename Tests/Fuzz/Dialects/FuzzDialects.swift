/// Requests, answers, streams, schemas and tables of strangers: whatever comes, a translation is JSON again or a fault.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  guard let start, count > 1 else { return 0 }
  let bytes = Array(UnsafeBufferPointer(start: start + 1, count: count - 1))
  switch start.pointee % 5 {
  case 0: fuzzRequests(bytes)
  case 1: fuzzAnswers(bytes)
  case 2: fuzzStreams(bytes, cut: Int(start.pointee) / 5 + 1)
  case 3: fuzzChecks(bytes)
  default: _ = try? PriceTable(csv: String(decoding: bytes, as: UTF8.self))
  }
  return 0
}

private func mustBeJSON(_ bytes: [UInt8]) {
  guard (try? JSONDocument(parsing: bytes)) != nil else {
    fatalError("no JSON: \(String(decoding: bytes.prefix(2000), as: UTF8.self))")
  }
}

private func fuzzRequests(_ bytes: [UInt8]) {
  guard let root = try? JSONDocument(parsing: bytes).root, root.kind == .object else { return }
  let target = RequestTarget(model: "m", outputTokensMax: 100, knowsCompletionTokens: true)
  if let made = try? ChatFromMessages.request(root, target) { mustBeJSON(made.bytes) }
  if let made = try? MessagesFromChat.request(root, target) { mustBeJSON(made.bytes) }
  if let made = try? ChatFromResponses.request(root, target) {
    mustBeJSON(made.bytes)
    if let chat = try? JSONDocument(parsing: made.bytes), let again = try? MessagesFromChat.request(chat.root, target) {
      mustBeJSON(again.bytes)
    }
  }
  precondition(TokenEstimate.prompt(root) >= 0)
}

private func fuzzAnswers(_ bytes: [UInt8]) {
  guard let root = try? JSONDocument(parsing: bytes).root else { return }
  mustBeJSON(Answers.message(fromChat: root, model: "m"))
  mustBeJSON(Answers.response(fromChat: root, model: "m", created: 1))
  let chat = Answers.chat(fromMessage: root, model: "m", created: 1)
  mustBeJSON(chat)
  for usage in [
    TokenUsage(chat: root["usage"]), TokenUsage(messages: root["usage"]), TokenUsage(responses: root["usage"]),
  ] {
    guard let usage else { continue }
    precondition(usage.input >= 0 && usage.cacheRead >= 0 && usage.cacheWrite >= 0 && usage.output >= 0)
    precondition(Price(input: Price.max, output: Price.max).nanoUSD(usage) >= 0)
  }
  for dialect in [Dialect.chat, .messages, .responses] { _ = AnswerText(whole: bytes, dialect) }
}

private func fuzzStreams(_ bytes: [UInt8], cut: Int) {
  for wire in [Dialect.chat, .messages, .responses] {
    var parser = ServerSentEventParser()
    var watcher = StreamWatcher(wire)
    var message = MessageStreamFromChat(model: "m", promptEstimate: 1)
    var response = ResponseStreamFromChat(model: "m", created: 1)
    var chat = ChatStreamFromMessages(model: "m", created: 1, wantsUsage: true)
    var out: [[UInt8]] = [[], [], []]
    var start = 0
    do {
      while start < bytes.count {
        let end = min(bytes.count, start + cut)
        for event in try parser.feed(Array(bytes[start..<end])) {
          _ = try watcher.watch(event)
          if wire == .messages {
            _ = try chat.take(event, to: &out[2])
          } else {
            _ = try message.take(event, to: &out[0])
            _ = try response.take(event, to: &out[1])
          }
        }
        start = end
      }
    } catch { continue }
    message.finish(to: &out[0])
    response.finish(to: &out[1])
    chat.finish(to: &out[2])
    if let usage = watcher.usage { precondition(usage.total >= 0) }
    // What is sent on is a stream of JSON documents.
    for made in out {
      var check = ServerSentEventParser()
      for event in (try? check.feed(made)) ?? [] where !event.data.elementsEqual("[DONE]".utf8) {
        mustBeJSON(event.data)
      }
    }
  }
  for dialect in [Dialect.chat, .messages, .responses] { _ = AnswerText(stream: bytes, dialect) }
}

private func fuzzChecks(_ bytes: [UInt8]) {
  guard let root = try? JSONDocument(parsing: bytes).root else { return }
  if let check = try? AnswerCheck(root["check"] ?? root) { _ = check.fault(in: root["text"]?.string ?? "{}") }
  if let schema = try? SchemaCheck(root["schema"] ?? root) { _ = schema.fault(root["value"] ?? root) }
}
