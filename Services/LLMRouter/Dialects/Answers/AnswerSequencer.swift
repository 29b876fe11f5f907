/// Puts the parts of an answer one behind the other. Servers mix them: fragments of several tool calls in turns, a line
/// feed in the midst of a call, names after arguments, calls without ids. What cannot be written yet waits, bounded by
/// the largest answer; what can is passed on at once.
struct AnswerSequencer: Sendable {
  /// More tool calls in one answer are not believed.
  static let callsMax = 512
  /// Stands for the name of a call that never got one.
  private static let unknownName = "unknown"

  private enum Open: Sendable, Hashable {
    case none
    case part(AnswerPart)
    case call(Int)
  }

  private struct Call: Sendable {
    var id: String
    var name: String
    /// Arguments that are not passed on yet.
    var held = ""
    var hasArguments = false
    var prefix = JSONPrefix()
    /// Size and digest of all arguments, to know a repetition.
    var size = 0
    var digest = AnswerSequencer.digestStart
    /// Its provider has said that it ends.
    var isEnded = false
    var isClosed = false

    var isComplete: Bool { prefix.isComplete || isEnded }
    /// Nothing of a call.
    var isGhost: Bool { id.isEmpty && name.isEmpty && !hasArguments }
  }

  private let unique: String
  private var open = Open.none
  private var calls: [Call] = []
  /// The first call that is not open yet.
  private var next = 0
  /// Text that came within a call.
  private var waiting: [(part: AnswerPart, text: String)] = []
  /// White space that has not begun a part: alone it is none.
  private var blank: (part: AnswerPart, text: String) = (.text, "")
  private var ids: Set<String> = []
  private(set) var hasText = false

  /// At the begin of an answer. Ids of calls that have none begin with `unique`.
  init(unique: String) { self.unique = unique }

  var callCount: Int { calls.count }
  /// Whether a tool is called.
  var hasCalls: Bool { calls.contains { !$0.isGhost } }

  // MARK: Text

  /// More text, thoughts or refusal.
  mutating func add(_ part: AnswerPart, _ text: String, to events: inout [AnswerEvent]) {
    guard !text.isEmpty else { return }
    if open == .part(part) { return events.append(.fragment(text)) }
    if let last = waiting.last, last.part == part {
      waiting[waiting.count - 1].text += text
      return
    }
    let all = blank.part == part ? blank.text + text : text
    blank = (part, "")
    guard !JSONPrefix.isBlank(text) else {
      blank.text = all
      return
    }
    hasText = true
    waiting.append((part, all))
    advance(to: &events)
  }

  /// The signature of the thoughts that came; `isAlone` when it may stand without any.
  mutating func sign(_ signature: String, isAlone: Bool, to events: inout [AnswerEvent]) {
    guard !signature.isEmpty else { return }
    if open != .part(.thinking) {
      guard isAlone, waiting.isEmpty else { return }
      if case .call(let index) = open, !calls[index].isComplete { return }
      close(to: &events)
      begin(.thinking, to: &events)
    }
    events.append(.signature(signature))
  }

  /// Thoughts that only their provider can read.
  mutating func redacted(_ data: String, to events: inout [AnswerEvent]) {
    if case .call(let index) = open, !calls[index].isComplete { return }
    close(to: &events)
    events.append(.open(.redacted(data: data)))
    events.append(.close)
  }

  /// The open part ends, though the same kind may follow.
  mutating func endPart(to events: inout [AnswerEvent]) {
    if case .part = open { close(to: &events) }
  }

  // MARK: Calls

  /// A call begins; nil when there are too many.
  mutating func begin(id: String, name: String) -> Int? {
    guard calls.count < AnswerSequencer.callsMax else { return nil }
    calls.append(Call(id: id, name: name))
    return calls.count - 1
  }

  func id(of call: Int) -> String { calls[call].id }
  func name(of call: Int) -> String { calls[call].name }
  func hasArguments(_ call: Int) -> Bool { calls[call].hasArguments }
  func isComplete(_ call: Int) -> Bool { calls[call].isComplete }
  /// Whether these are all the arguments of a complete call: some servers repeat a call at the end.
  func isRepetition(_ call: Int, _ arguments: String) -> Bool {
    calls[call].prefix.isComplete && arguments.utf8.count == calls[call].size
      && AnswerSequencer.digest(arguments, AnswerSequencer.digestStart) == calls[call].digest
  }

  /// FNV-1a; a chance meeting would only leave out a call that nobody repeats.
  private static let digestStart: UInt64 = 0xCBF2_9CE4_8422_2325
  private static func digest(_ text: String, _ start: UInt64) -> UInt64 {
    text.utf8.reduce(start) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
  }

  mutating func setID(_ call: Int, _ id: String) { calls[call].id = id }
  mutating func setName(_ call: Int, _ name: String) { calls[call].name = name }

  /// More of a call's arguments.
  mutating func add(arguments: String, to call: Int, _ events: inout [AnswerEvent]) {
    guard !arguments.isEmpty, !calls[call].isClosed else { return }
    calls[call].prefix.feed(arguments)
    calls[call].size += arguments.utf8.count
    calls[call].digest = AnswerSequencer.digest(arguments, calls[call].digest)
    if !calls[call].hasArguments {
      // White space alone is no argument.
      guard !JSONPrefix.isBlank(arguments) else { return }
      calls[call].hasArguments = true
    }
    if open == .call(call) { events.append(.fragment(arguments)) } else { calls[call].held += arguments }
  }

  /// The call's provider has said that it ends.
  mutating func end(call: Int, to events: inout [AnswerEvent]) {
    calls[call].isEnded = true
    advance(to: &events)
  }

  // MARK: The order

  /// Passes on what can be.
  mutating func advance(to events: inout [AnswerEvent]) {
    while true {
      let isCallReady = next < calls.count && isReady(next)
      guard !waiting.isEmpty || isCallReady else { return }
      if case .call(let index) = open, !calls[index].isComplete { return }
      close(to: &events)
      if waiting.isEmpty { openNext(to: &events) } else { passWords(to: &events) }
    }
  }

  /// Whether a call can be opened: its name is known, and all of it.
  private func isReady(_ call: Int) -> Bool {
    !calls[call].name.isEmpty && (calls[call].hasArguments || calls[call].isEnded || call + 1 < calls.count)
  }

  private mutating func passWords(to events: inout [AnswerEvent]) {
    for (part, text) in waiting {
      close(to: &events)
      begin(part, to: &events)
      events.append(.fragment(text))
    }
    waiting = []
  }

  private mutating func begin(_ part: AnswerPart, to events: inout [AnswerEvent]) {
    events.append(.open(part))
    open = .part(part)
    blank.text = ""
  }

  private mutating func openNext(to events: inout [AnswerEvent]) {
    let index = next
    next += 1
    let id = uniqueID(calls[index].id, index)
    let name = calls[index].name.isEmpty ? AnswerSequencer.unknownName : calls[index].name
    events.append(.open(.call(id: id, name: name)))
    open = .call(index)
    blank.text = ""
    if !calls[index].held.isEmpty { events.append(.fragment(calls[index].held)) }
    calls[index].held = ""
  }

  private mutating func uniqueID(_ id: String, _ index: Int) -> String {
    var result = id.isEmpty ? "call_\(unique)_\(index)" : id
    if !ids.insert(result).inserted {
      result = "\(result)_\(index)_\(unique)"
      ids.insert(result)
    }
    return result
  }

  private mutating func close(to events: inout [AnswerEvent]) {
    switch open {
    case .none: return
    case .part: break
    case .call(let index):
      if !calls[index].hasArguments { events.append(.fragment("{}")) }
      calls[index].isClosed = true
    }
    events.append(.close)
    open = .none
  }

  /// The answer is over: all that waits is passed on.
  mutating func finish(to events: inout [AnswerEvent]) {
    close(to: &events)
    passWords(to: &events)
    while next < calls.count {
      if calls[next].isGhost {
        next += 1
        continue
      }
      close(to: &events)
      openNext(to: &events)
    }
    close(to: &events)
  }
}
