internal import JSON

/// Reads messages (Anthropic), whole or event by event, also of those who only imitate them: whole inputs at the start
/// of a block, blocks without their end, events without names.
struct MessageAnswerReader: Sendable {
  private enum Block: Sendable {
    case part(AnswerPart)
    /// `input`: what stood at the start of the block, if no fragments follow.
    case call(Int, input: String)
    /// Runs at the provider, or is not known.
    case other
  }

  private var sequence: AnswerSequencer
  private var blocks: [Int64: Block] = [:]
  private var hasBegun = false
  private var splits: [Int64: SplitCharacters] = [:]
  private var reason: AnswerFinish?

  init(unique: String) { sequence = AnswerSequencer(unique: unique) }

  /// Why the answer ended.
  var finish: AnswerFinish { (reason ?? .stop).fitting(hasCalls: sequence.hasCalls) }

  /// Takes an event. `name` stands for its type where the data has none.
  mutating func take(
    _ event: ProviderJSON, named name: String?, to events: inout [AnswerEvent]
  ) throws(StreamFault) {
    let root = event.root
    let index = root["index"]?.int ?? 0
    switch root["type"]?.string ?? name {
    case "message_start":
      guard let message = root["message"] else { return }
      begin(message["id"]?.string ?? "", to: &events)
      try takeContent(message, to: &events)
      endAll(to: &events)
    case "content_block_start":
      guard let block = root["content_block"] else { return }
      begin("", to: &events)
      // Some forget to end the block before.
      endBlock(index, to: &events)
      try start(block, index, to: &events)
    case "content_block_delta":
      guard let delta = root["delta"] else { return }
      begin("", to: &events)
      takeDelta(delta, index, event.isRepaired, to: &events)
    case "content_block_stop": endBlock(index, to: &events)
    case "message_delta": takeReason(root["delta"] ?? root)
    default: return
    }
  }

  /// Takes a whole message.
  mutating func takeWhole(_ message: JSONView, to events: inout [AnswerEvent]) throws(StreamFault) {
    begin(message["id"]?.string ?? "", to: &events)
    try takeContent(message, to: &events)
    takeReason(message)
  }

  private mutating func takeContent(_ message: JSONView, to events: inout [AnswerEvent]) throws(StreamFault) {
    guard let content = message.present("content") else { return }
    if let text = content.string { return sequence.add(.text, text, to: &events) }
    for (index, block) in content.elements.enumerated() {
      try start(block, Int64(index), to: &events)
      endBlock(Int64(index), to: &events)
    }
  }

  private mutating func takeReason(_ holder: JSONView) {
    if let said = AnswerFinish(
      message: holder["stop_reason"]?.string, sequence: holder["stop_sequence"]?.string)
    {
      reason = said
    }
  }

  private mutating func begin(_ id: String, to events: inout [AnswerEvent]) {
    guard !hasBegun else { return }
    hasBegun = true
    events.append(.begin(id: id))
  }

  private mutating func start(_ block: JSONView, _ index: Int64, to events: inout [AnswerEvent]) throws(StreamFault) {
    switch block["type"]?.string {
    case "text": takeWords(.text, block["text"]?.string ?? "", index, to: &events)
    case "thinking":
      takeWords(.thinking, block["thinking"]?.string ?? "", index, to: &events)
      sequence.sign(block["signature"]?.string ?? "", isAlone: true, to: &events)
    case "redacted_thinking":
      sequence.redacted(block["data"]?.string ?? "", to: &events)
      blocks[index] = .other
    case "tool_use":
      guard let call = sequence.begin(id: block["id"]?.string ?? "", name: block["name"]?.string ?? "") else {
        throw StreamFault(
          code: "answer_too_large", message: "The answer has more than \(AnswerSequencer.callsMax) tool calls.")
      }
      let input = block.present("input")
      // An empty object here says only that the input follows.
      let isWhole = input.map { $0.kind == .string ? $0.stringBytesMax != 0 : $0.count > 0 } ?? false
      blocks[index] = .call(call, input: isWhole ? input?.string ?? input?.rawText ?? "" : "")
    default: blocks[index] = .other
    }
  }

  private mutating func takeWords(_ part: AnswerPart, _ text: String, _ index: Int64, to events: inout [AnswerEvent]) {
    blocks[index] = .part(part)
    sequence.add(part, text, to: &events)
  }

  private mutating func takeDelta(
    _ delta: JSONView, _ index: Int64, _ isRepaired: Bool, to events: inout [AnswerEvent]
  ) {
    switch delta["type"]?.string {
    case "text_delta": sequence.add(.text, joined(delta["text"], index, isRepaired), to: &events)
    case "thinking_delta": sequence.add(.thinking, joined(delta["thinking"], index, isRepaired), to: &events)
    case "signature_delta": sequence.sign(delta["signature"]?.string ?? "", isAlone: true, to: &events)
    case "input_json_delta":
      guard case .call(let call, let input) = blocks[index] else { return }
      let fragment = joined(delta["partial_json"], index, isRepaired)
      guard !fragment.isEmpty else { return }
      if !input.isEmpty { blocks[index] = .call(call, input: "") }
      sequence.add(arguments: fragment, to: call, &events)
      sequence.advance(to: &events)
    default: return
    }
  }

  private mutating func joined(_ view: JSONView?, _ index: Int64, _ isRepaired: Bool) -> String {
    let text = view?.string ?? ""
    guard isRepaired || splits[index] != nil else { return text }
    var split = splits[index] ?? SplitCharacters()
    let whole = split.join(text)
    splits[index] = split.isEmpty ? nil : split
    return whole
  }

  private mutating func endBlock(_ index: Int64, to events: inout [AnswerEvent]) {
    guard let block = blocks.removeValue(forKey: index) else { return }
    splits[index] = nil
    switch block {
    case .call(let call, let input):
      sequence.add(arguments: input, to: call, &events)
      sequence.end(call: call, to: &events)
    // Each block of thoughts has a signature of its own; texts in a row are one.
    case .part(.thinking): sequence.endPart(to: &events)
    case .part, .other: return
    }
  }

  private mutating func endAll(to events: inout [AnswerEvent]) {
    for index in blocks.keys.sorted() { endBlock(index, to: &events) }
  }

  /// The answer is over.
  mutating func end(to events: inout [AnswerEvent]) {
    begin("", to: &events)
    endAll(to: &events)
    sequence.finish(to: &events)
  }
}
