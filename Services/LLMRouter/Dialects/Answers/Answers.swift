public import JSON
public import Pricing

/// Whole answers on their way back to a caller.
public enum Answers {
  /// An answer of a provider in the dialect of its caller; nil when it cannot be one. `usage` is what the ledger has
  /// for it. Throws `StreamFault` for what cannot be translated.
  public static func translated(
    _ answer: ProviderJSON, from wire: Dialect, to dialect: Dialect, _ usage: TokenUsage, _ context: AnswerContext
  ) throws(StreamFault) -> [UInt8]? {
    guard var translation = AnswerTranslation(from: wire, to: dialect, context) else { return nil }
    return try translation.whole(answer, usage)
  }

  /// The error that an answer with a status of success holds; nil when it has none.
  public static func fault(_ root: JSONView) -> StreamFault? {
    if let fault = StreamFault(in: root) { return fault }
    for choice in (root["choices"] ?? root).elements {
      if let fault = StreamFault(in: ChatChoice(choice)) { return fault }
    }
    return root["status"]?.string == "failed" ? StreamFault(error: root["error"]) : nil
  }

  /// An answer in the caller's own dialect: the caller's names for tools, and a model's name where the provider gave
  /// none. What needs no change stays as it is, to the byte.
  public static func own(
    _ body: [UInt8], _ answer: ProviderJSON, _ dialect: Dialect, _ context: AnswerContext
  ) -> [UInt8] {
    let root = answer.root
    var edits = NameRestorer(context.names).edits(in: root, dialect)
    if dialect != .embeddings, root["model"]?.string ?? "" == "" {
      edits.append(Splice.model(of: root, context.model))
    }
    return edits.isEmpty ? body : Splice.apply(edits, to: answer.document.bytes)
  }

  /// An event in the caller's own dialect with the caller's names for tools; nil when it stays as it is.
  public static func own(event: ProviderJSON, _ dialect: Dialect, _ names: NameMap) -> [UInt8]? {
    guard !names.isEmpty else { return nil }
    let edits = NameRestorer(names).edits(in: event.root, dialect)
    return edits.isEmpty ? nil : Splice.apply(edits, to: event.document.bytes)
  }

  /// Bytes of text, thoughts and arguments of a whole answer, to estimate what was used when no usage is reported.
  public static func contentBytes(_ root: JSONView, _ dialect: Dialect) -> Int {
    var sum = 0
    switch dialect {
    case .embeddings: return 0
    case .chat, .completions:
      for choice in (root["choices"] ?? root).elements {
        guard let message = choice.present("message") ?? choice.present("delta") else {
          sum += choice["text"]?.stringBytesMax ?? 0
          continue
        }
        let parts = ChatMessage(message)
        parts.visit { sum += $1.stringBytesMax ?? 0 }
        parts.visitCalls { sum += $0.bytes }
      }
    case .messages:
      for block in root["content"]?.elements.map({ $0 }) ?? [] {
        for name in ["text", "thinking", "name"] { sum += block[name]?.stringBytesMax ?? 0 }
        sum += block["input"]?.rawBytes.count ?? 0
      }
    case .responses:
      for item in root["output"]?.elements.map({ $0 }) ?? [] {
        for name in ["name", "arguments", "input"] { sum += item[name]?.stringBytesMax ?? 0 }
        for list in ["content", "summary"] {
          for part in item[list]?.elements.map({ $0 }) ?? [] {
            sum += part["text"]?.stringBytesMax ?? part["refusal"]?.stringBytesMax ?? 0
          }
        }
      }
    }
    return sum
  }
}
