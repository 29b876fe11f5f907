internal import JSON

/// Reads chat completions, whole or chunk by chunk, as servers send them, not as they should.
struct ChatAnswerReader: Sendable {
  private var sequence: AnswerSequencer
  /// The index of each call, as far as the server sent one.
  private var indices: [Int64?] = []
  private var hasBegun = false
  /// The choice that is read: dialects that others read have one.
  private var choice: Int64?
  /// Halves of characters, by part and call.
  private var splits: [AnswerPart: SplitCharacters] = [:]
  private var argumentSplits: [Int: SplitCharacters] = [:]
  private var reason: AnswerFinish?
  private var declaredStop: String?

  init(unique: String) { sequence = AnswerSequencer(unique: unique) }

  /// Why the answer ended.
  var finish: AnswerFinish {
    var finish = reason ?? .stop
    if finish == .stop, let declaredStop { finish = .stopSequence(declaredStop) }
    return finish.fitting(hasCalls: sequence.hasCalls)
  }

  /// Takes a chunk or a whole completion. Throws for an error within it.
  mutating func take(_ chunk: ProviderJSON, to events: inout [AnswerEvent]) throws(StreamFault) {
    let root = chunk.root
    begin(root["id"]?.string ?? "", to: &events)
    guard let choice = chosen(root["choices"]) else { return }
    if let message = choice.message.map({ ChatMessage($0) }) {
      message.visit { part, text in sequence.add(part, joined(text, part, chunk), to: &events) }
      if let details = message.details { takeProofs(details, to: &events) }
      try takeCalls(message, chunk, to: &events)
    } else if let text = choice.text, text.kind == .string {
      sequence.add(.text, joined(text, .text, chunk), to: &events)
    }
    if let said = AnswerFinish(chat: choice.finish) { reason = said }
    if let stop = choice.stop { declaredStop = stop }
  }

  private mutating func begin(_ id: String, to events: inout [AnswerEvent]) {
    guard !hasBegun else { return }
    hasBegun = true
    events.append(.begin(id: id))
  }

  private mutating func chosen(_ choices: JSONView?) -> ChatChoice? {
    guard let choices else { return nil }
    if choices.kind == .object { return ChatChoice(choices) }
    for candidate in choices.elements where candidate.kind == .object {
      let parsed = ChatChoice(candidate)
      if choice == nil { choice = parsed.index }
      if choice == parsed.index { return parsed }
    }
    return nil
  }

  private mutating func joined(_ view: JSONView, _ part: AnswerPart, _ chunk: ProviderJSON) -> String {
    let text = view.string ?? ""
    guard chunk.isRepaired || splits[part] != nil else { return text }
    var split = splits[part] ?? SplitCharacters()
    let whole = split.join(text)
    splits[part] = split.isEmpty ? nil : split
    return whole
  }

  /// Signatures and encrypted thoughts of Anthropic's models, as OpenRouter passes them on.
  private mutating func takeProofs(_ details: JSONView, to events: inout [AnswerEvent]) {
    for detail in details.elements where detail["format"]?.string?.hasPrefix("anthropic") ?? true {
      if let signature = detail["signature"]?.string { sequence.sign(signature, isAlone: false, to: &events) }
      if detail["type"]?.string == "reasoning.encrypted", let data = detail["data"]?.string, !data.isEmpty,
        detail["format"]?.string != nil
      {
        sequence.redacted(data, to: &events)
      }
    }
  }

  // MARK: Calls

  /// Takes the calls, or fragments of calls, of a message.
  mutating func takeCalls(
    _ message: ChatMessage, _ chunk: ProviderJSON, to events: inout [AnswerEvent]
  ) throws(StreamFault) {
    var fragments: [ChatCall] = []
    message.visitCalls { fragments.append($0) }
    guard !fragments.isEmpty else { return }
    let before = sequence.callCount
    for fragment in fragments {
      let index: Int
      switch owner(of: fragment, startedBefore: before) {
      case .nobody: continue
      case .known(let call):
        index = call
        complete(call, fragment)
      case .new:
        guard let call = sequence.begin(id: fragment.id, name: fragment.name) else {
          throw StreamFault(
            code: "answer_too_large", message: "The answer has more than \(AnswerSequencer.callsMax) tool calls.")
        }
        indices.append(fragment.index)
        index = call
      }
      var arguments = fragment.arguments
      if chunk.isRepaired || argumentSplits[index] != nil {
        var split = argumentSplits[index] ?? SplitCharacters()
        arguments = split.join(arguments)
        argumentSplits[index] = split.isEmpty ? nil : split
      }
      sequence.add(arguments: arguments, to: index, &events)
    }
    sequence.advance(to: &events)
  }

  /// What comes late: the id, the name, more of the name.
  private mutating func complete(_ call: Int, _ fragment: ChatCall) {
    if sequence.id(of: call).isEmpty { sequence.setID(call, fragment.id) }
    if indices[call] == nil { indices[call] = fragment.index }
    let name = sequence.name(of: call)
    guard !fragment.name.isEmpty, fragment.name != name, name.isEmpty || !sequence.hasArguments(call) else { return }
    sequence.setName(call, fragment.name.hasPrefix(name) ? fragment.name : name + fragment.name)
  }

  private enum Owner {
    case new
    case known(Int)
    /// The fragment says nothing that was not said.
    case nobody
  }

  /// Which call a fragment belongs to.
  private func owner(of fragment: ChatCall, startedBefore before: Int) -> Owner {
    guard let known = candidate(fragment) else {
      return fragment.id.isEmpty && fragment.name.isEmpty && fragment.arguments.isEmpty ? .nobody : .new
    }
    let id = sequence.id(of: known)
    let name = sequence.name(of: known)
    let hasArguments = sequence.hasArguments(known)
    let isSameID = !fragment.id.isEmpty && fragment.id == id
    if !fragment.id.isEmpty, !id.isEmpty, !isSameID {
      // Another id is another call, unless the server invents one for each fragment.
      let isMiddle = hasArguments ? !fragment.beginsObject : fragment.name.isEmpty
      return isMiddle && fragment.index != nil && !sequence.isComplete(known) ? .known(known) : .new
    }
    guard !fragment.name.isEmpty else { return .known(known) }
    if sequence.isComplete(known) {
      if isSameID, fragment.arguments.isEmpty || sequence.isRepetition(known, fragment.arguments) { return .nobody }
      return .new
    }
    if name.isEmpty || isSameID { return .known(known) }
    // Two with a name in one chunk are two calls of a server that sends them whole.
    if known >= before { return .new }
    if name == fragment.name {
      let isGoingOn = fragment.index != nil || hasArguments || !fragment.arguments.isEmpty
      return isGoingOn && !(hasArguments && fragment.beginsObject) ? .known(known) : .new
    }
    // A name in pieces has an id in front.
    return !hasArguments && !id.isEmpty ? .known(known) : .new
  }

  /// The latest call that a fragment can belong to.
  private func candidate(_ fragment: ChatCall) -> Int? {
    if let index = fragment.index, let known = indices.lastIndex(of: index) { return known }
    if !fragment.id.isEmpty, let known = indices.indices.last(where: { sequence.id(of: $0) == fragment.id }) {
      // The same id at another index is the same call only when nothing begins.
      return fragment.index == nil || fragment.name.isEmpty ? known : nil
    }
    guard let last = indices.indices.last else { return nil }
    if fragment.index != nil { return indices[last] == nil && fragment.name.isEmpty ? last : nil }
    // An id of its own begins a call, unless the last one still waits for its id.
    return fragment.id.isEmpty || sequence.id(of: last).isEmpty ? last : nil
  }

  /// The answer is over.
  mutating func end(to events: inout [AnswerEvent]) {
    begin("", to: &events)
    sequence.finish(to: &events)
  }
}
