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
  // Dialects nest the same parts more or less deeply.
  guard (try? JSONDocument(parsing: bytes, limits: JSONLimits(depthMax: 160))) != nil else {
    fatalError("no JSON: \(String(decoding: bytes.prefix(2000), as: UTF8.self))")
  }
}

private let callers: [Dialect] = [.chat, .messages, .responses, .completions]

private func fuzzRequests(_ bytes: [UInt8]) {
  guard let root = try? JSONDocument(parsing: bytes).root, root.kind == .object else { return }
  let targets: [(Dialect, ProviderRules)] = [
    (.chat, .compatible), (.chat, .openai), (.messages, .anthropic), (.responses, .openai),
  ]
  for dialect in callers {
    // The callers' own dialects too: there the rules of the provider are all that changes.
    for (wire, rules) in targets where wire != .responses || dialect == .responses {
      let target = RequestTarget(
        model: "m", outputTokensMax: 100, outputTokensLimit: 4096, outputTokensCap: 50, rules: rules)
      guard let made = try? RequestTranslator.request(root, from: dialect, to: wire, target) else { continue }
      mustBeJSON(made.bytes)
      mustBeJSON(TokenCountRequest.body(made.bytes, wire))
      precondition(made.dropped.count <= 40)
      // What is brought into bounds once stays as it is.
      guard let again = try? JSONDocument(parsing: made.bytes).root,
        let same = try? RequestTranslator.request(again, from: wire, to: wire, target)
      else { continue }
      precondition(same.bytes == made.bytes || dialect == wire, "rules are not settled by one pass")
    }
  }
  precondition(TokenEstimate.prompt(root) >= 0)
}

private func context() -> AnswerContext {
  var names = NameMap()
  _ = names.wireName(ToolIdentity(name: "patch", form: .custom))
  _ = names.wireName(ToolIdentity(name: "f", namespace: "n"))
  return AnswerContext(
    model: "m", created: 1, unique: "0", promptEstimate: 1, wantsUsage: true, names: names, echo: ResponseEcho(nil))
}

private func fuzzAnswers(_ bytes: [UInt8]) {
  guard let answer = ProviderJSON(bytes) else { return }
  let root = answer.root
  for usage in [
    TokenUsage(chat: root["usage"]), TokenUsage(messages: root["usage"]), TokenUsage(responses: root["usage"]),
    TokenUsage(chatAnswer: root),
  ] {
    guard let usage else { continue }
    precondition(usage.input >= 0 && usage.cacheRead >= 0 && usage.cacheWrite >= 0 && usage.output >= 0)
    precondition(usage.total >= 0 && (usage + usage).total >= 0)
    precondition(Price(input: Price.max, output: Price.max).nanoUSD(usage) >= 0)
  }
  for wire in [Dialect.chat, .messages] {
    let told = wire == .chat ? TokenUsage(chatAnswer: root) : TokenUsage(messages: root["usage"])
    let usage = TokenUsage.accounted(told, estimate: TokenUsage(input: 1, output: 1)).usage
    for dialect in callers {
      if let made = try? Answers.translated(answer, from: wire, to: dialect, usage, context()) { mustBeJSON(made) }
    }
  }
  for dialect in callers where root.kind == .object {
    precondition(Answers.contentBytes(root, dialect) >= 0)
    _ = AnswerText(answer, dialect)
    let own = Answers.own(bytes, answer, dialect, context())
    precondition(ProviderJSON(own) != nil)
  }
}

/// A stream on its way to one kind of caller.
private struct Play {
  let dialect: Dialect
  var translation: AnswerTranslation
  var made: [UInt8] = []

  init?(_ wire: Dialect, _ dialect: Dialect) {
    guard let translation = AnswerTranslation(from: wire, to: dialect, context()) else { return nil }
    self.dialect = dialect
    self.translation = translation
  }

  mutating func take(_ parsed: ProviderJSON, _ name: String?) {
    try? translation.take(parsed, named: name, to: &made)
  }

  mutating func end(_ usage: TokenUsage, breaks: Bool) {
    if breaks { _ = translation.fail(status: 502, code: "c", message: "m", to: &made) }
    translation.finish(usage, to: &made)
    mustBeStream(made, dialect)
  }
}

private func fuzzStreams(_ bytes: [UInt8], cut: Int) {
  for wire in [Dialect.chat, .messages, .responses] {
    var parser = ServerSentEventParser()
    var inspector = StreamInspector(wire)
    var plays = callers.compactMap { Play(wire, $0) }
    var start = 0
    while start < bytes.count {
      let end = min(bytes.count, start + cut)
      guard let events = try? parser.feed(Array(bytes[start..<end])) else { break }
      start = end
      for event in events {
        // What cannot be read is left out.
        guard let parsed = (try? inspector.inspect(event))?.parsed else { continue }
        _ = Answers.own(event: parsed, wire, context().names)
        for spot in plays.indices { plays[spot].take(parsed, event.event) }
      }
    }
    precondition(inspector.contentBytes >= 0)
    if let usage = inspector.usage { precondition(usage.total >= 0) }
    _ = inspector.failure(status: 502, code: "c", message: "m")
    let usage = TokenUsage.accounted(inspector.usage, estimate: TokenUsage(input: 1, output: 1)).usage
    for spot in plays.indices { plays[spot].end(usage, breaks: bytes.count % 2 == 0) }
  }
  for dialect in callers { _ = AnswerText(stream: bytes, dialect) }
}

/// What is sent on is a stream of JSON documents whose parts follow each other.
private func mustBeStream(_ bytes: [UInt8], _ dialect: Dialect) {
  var parser = ServerSentEventParser()
  var open: String?
  var input = ""
  var number: Int64 = 0
  for event in (try? parser.feed(bytes)) ?? [] where !event.data.elementsEqual("[DONE]".utf8) {
    guard let root = try? JSONDocument(parsing: event.data).root else {
      fatalError("no JSON: \(String(decoding: event.data.prefix(2000), as: UTF8.self))")
    }
    if dialect == .responses {
      precondition(root["sequence_number"]?.int == number)
      number += 1
    }
    switch root["type"]?.string {
    case "content_block_start", "response.output_item.added":
      precondition(open == nil)
      open = (root["content_block"] ?? root["item"])?["type"]?.string ?? ""
      input = ""
    case "content_block_delta": input += root["delta"]?["partial_json"]?.string ?? ""
    case "content_block_stop", "response.output_item.done":
      precondition(open != nil)
      if open == "tool_use" { mustBeJSON(Array(input.utf8)) }
      open = nil
    case "message_stop", "response.completed", "response.incomplete": precondition(open == nil)
    default: continue
    }
  }
}

private func fuzzChecks(_ bytes: [UInt8]) {
  guard let root = try? JSONDocument(parsing: bytes).root else { return }
  if let check = try? AnswerCheck(root["check"] ?? root) { _ = check.fault(in: root["text"]?.string ?? "{}") }
}
