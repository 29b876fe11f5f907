internal import JSON
public import Pricing

/// Turns a provider's answer into the dialect of its caller: a reader for the provider's dialect, which forgives, and a
/// writer for the caller's, which does not sin. Between them stand the events of `AnswerEvent`.
public struct AnswerTranslation: Sendable {
  // One of each; optionals, so that they are changed where they stand.
  private var fromChat: ChatAnswerReader?
  private var fromMessages: MessageAnswerReader?
  private var toChat: ChatWriter?
  private var toMessages: MessageWriter?
  private var toResponses: ResponseWriter?
  private var toCompletions: CompletionWriter?
  private var events: [AnswerEvent] = []
  private let context: AnswerContext
  /// Whether `text` is kept, so that another provider can go on with it.
  public var keepsText = false
  /// The text that was written so far; only with `keepsText`.
  public private(set) var text = ""
  /// Whether a tool call was begun; only with `keepsText`.
  public private(set) var hasCalls = false
  private var openPart: AnswerPart?
  /// Whether the end was written.
  public private(set) var isOver = false

  /// A translation at the begin of an answer; nil when no reader knows the provider's dialect, or the caller's own is
  /// not one of answers.
  public init?(from wire: Dialect, to dialect: Dialect, _ context: AnswerContext) {
    self.context = context
    switch wire {
    case .chat: fromChat = ChatAnswerReader(unique: context.unique)
    case .messages: fromMessages = MessageAnswerReader(unique: context.unique)
    case .responses, .completions, .embeddings: return nil
    }
    switch dialect {
    case .chat: toChat = ChatWriter(context)
    case .messages: toMessages = MessageWriter(context)
    case .responses: toResponses = ResponseWriter(context)
    case .completions: toCompletions = CompletionWriter(context)
    case .embeddings: return nil
    }
  }

  // MARK: Streams

  /// Takes an event of the provider's stream and appends what follows from it. Throws `StreamFault` for what cannot be
  /// passed on.
  public mutating func take(
    _ event: ProviderJSON, named name: String? = nil, to bytes: inout [UInt8]
  ) throws(StreamFault) {
    guard !isOver else { return }
    try fromChat?.take(event, to: &events)
    try fromMessages?.take(event, named: name, to: &events)
    write(to: &bytes)
  }

  /// Another provider goes on with the answer: what is open is closed, and what is written stays. Whether its dialect
  /// can be read.
  public mutating func continued(from wire: Dialect, unique: String, to bytes: inout [UInt8]) -> Bool {
    guard !isOver, wire == .chat || wire == .messages else { return false }
    fromChat?.end(to: &events)
    fromMessages?.end(to: &events)
    write(to: &bytes)
    fromChat = wire == .chat ? ChatAnswerReader(unique: unique) : nil
    fromMessages = wire == .messages ? MessageAnswerReader(unique: unique) : nil
    return true
  }

  /// The answer is over: appends what closes it. `usage` is what the ledger has for it.
  public mutating func finish(_ usage: TokenUsage, to bytes: inout [UInt8]) {
    guard !isOver else { return }
    fromChat?.end(to: &events)
    fromMessages?.end(to: &events)
    write(to: &bytes)
    isOver = true
    let finish = finish
    toChat?.finish(finish, usage, to: &bytes)
    toMessages?.finish(finish, usage, to: &bytes)
    toResponses?.finish(finish, usage, to: &bytes)
    toCompletions?.finish(finish, usage, to: &bytes)
  }

  /// The stream broke: appends the events that tell a caller of the Responses API, whose numbers go on. Whether it did:
  /// for other dialects `Dialect.errorEvent` is all.
  public mutating func fail(status: Int, code: String, message: String, to bytes: inout [UInt8]) -> Bool {
    guard toResponses != nil else { return false }
    if !isOver { toResponses?.fail(status: status, code: code, message: message, to: &bytes) }
    isOver = true
    return true
  }

  private var finish: AnswerFinish { fromChat?.finish ?? fromMessages?.finish ?? .stop }

  private mutating func write(to bytes: inout [UInt8]) {
    for event in events {
      if keepsText { keep(event) }
      toChat?.write(event, to: &bytes)
      toMessages?.write(event, to: &bytes)
      toResponses?.write(event, to: &bytes)
      toCompletions?.write(event, to: &bytes)
    }
    events.removeAll(keepingCapacity: true)
  }

  private mutating func keep(_ event: AnswerEvent) {
    switch event {
    case .open(let part):
      openPart = part
      if case .call = part { hasCalls = true }
    case .fragment(let fragment): if openPart == .text { text += fragment }
    case .close: openPart = nil
    case .begin, .signature: return
    }
  }

  // MARK: Whole answers

  /// A whole answer of the provider in the caller's dialect. Throws `StreamFault` for what cannot be translated.
  public mutating func whole(_ answer: ProviderJSON, _ usage: TokenUsage) throws(StreamFault) -> [UInt8] {
    try fromChat?.take(answer, to: &events)
    try fromMessages?.takeWhole(answer.root, to: &events)
    fromChat?.end(to: &events)
    fromMessages?.end(to: &events)
    let whole = WholeAnswer(events, finish)
    if toChat != nil { return whole.chat(usage, context) }
    if toCompletions != nil { return whole.completion(usage, context) }
    return toMessages != nil ? whole.message(usage, context) : whole.response(usage, context)
  }
}
