internal import JSON

/// A tool call that a model asks for, in a form that every provider takes back.
struct ToolCall: Sendable {
  /// Never empty, and no two calls of a turn have the same.
  let id: String
  /// Letters, digits, `_` and `-`, at most 64.
  let name: String
  /// A JSON object.
  let arguments: String
  /// Whether the model has written the arguments so, or something in which no object is to be found.
  let isWellFormed: Bool
  /// What some providers want back with the call.
  let extraContent: [UInt8]?
}

/// What a chat completion says.
struct ModelAnswer: Sendable {
  /// What the loop does with it.
  enum Verdict: Sendable {
    /// Tools are to be run.
    case calls([ToolCall])
    /// The answer is there.
    case text
    /// Nothing that the next step could use.
    case unusable(AgentFailure)
  }

  private static let cutReasons: Set<String> = ["length", "max_tokens", "max_output_tokens", "model_length"]
  private static let filterReasons: Set<String> = [
    "content_filter", "refusal", "safety", "recitation", "prohibited_content", "blocklist", "spii",
  ]

  /// Members of a message that hold thoughts or prove them; they go back unchanged.
  private static let carriedNames = [
    "reasoning_content", "reasoning", "reasoning_details", "thinking_blocks", "extra_content",
  ]

  let verdict: Verdict
  let text: String
  let finishReason: String
  let model: String?
  /// The model's thoughts; some providers want them back together with tool calls.
  let reasoning: String?
  /// All that belongs to the thoughts, as it came: texts, signatures, encrypted items.
  let carried: [(name: String, value: [UInt8])]
  /// Tokens of the prompt by the provider's count; 0 when it does not say.
  let promptTokens: Int64

  /// Reads a completion; `nil` when it has no message. `turn` makes the ids of calls that came without one. With
  /// `isStrict`, arguments that are an object only when they are read leniently are none, as in old journals.
  init?(_ root: JSONView, turn: Int, isStrict: Bool = false) {
    guard let choice = root["choices"]?[0], let message = choice["message"], message.kind == .object else { return nil }
    let (words, refused) = ModelAnswer.words(message["content"])
    let refusal = [message["refusal"]?.string ?? "", refused].filter { !$0.isEmpty }.joined(separator: "\n")
    text = words
    finishReason = choice["finish_reason"]?.string ?? ""
    model = root["model"]?.string.flatMap { $0.isEmpty ? nil : $0 }
    reasoning = message["reasoning_content"]?.string.flatMap { $0.isEmpty ? nil : $0 }
    carried = ModelAnswer.carriedNames.compactMap { name in
      message[name].flatMap { $0.isNull ? nil : (name, Array($0.rawBytes)) }
    }
    promptTokens = root["usage"]?["prompt_tokens"]?.whole(in: 0...(1 << 40)) ?? 0
    let calls = ModelAnswer.calls(message, turn, isStrict)
    verdict = ModelAnswer.judge(words, refusal, calls, finishReason, hasThought: reasoning != nil)
  }

  private static func judge(
    _ text: String, _ refusal: String, _ calls: [ToolCall], _ finish: String, hasThought: Bool
  ) -> Verdict {
    let reason = finish.lowercased()
    let isEmpty = text.allSatisfy(\.isWhitespace)
    if filterReasons.contains(reason) || (!refusal.isEmpty && isEmpty && calls.isEmpty) {
      let words = !refusal.isEmpty ? refusal : text
      return .unusable(
        AgentFailure(
          code: "answer_filtered",
          message: words.isEmpty
            ? "The model or the provider's filter refused to answer (finish reason \(finish))."
            : "The model or the provider's filter refused to answer: \(words)", isRetryable: false))
    }
    // Calls whose arguments are cut off must not run; whole ones may.
    if cutReasons.contains(reason), calls.isEmpty || calls.contains(where: { !$0.isWellFormed }) {
      return .unusable(
        AgentFailure(
          code: "answer_cut",
          message: isEmpty
            ? "The answer reached its limit of tokens before its first word. Allow more tokens (max_output_tokens)."
            : "The answer reached its limit of tokens and is not complete. Allow more tokens (max_output_tokens).",
          isRetryable: false))
    }
    if !calls.isEmpty { return .calls(calls) }
    guard isEmpty else { return .text }
    return .unusable(
      AgentFailure(
        code: "empty_answer",
        message: hasThought ? "The model thought, but answered without a word." : "The model answered without a word.",
        isRetryable: true))
  }

  /// The text of a content, which is a string or a list of parts, and the words of a refusal among the parts.
  private static func words(_ content: JSONView?) -> (text: String, refusal: String) {
    guard let content else { return ("", "") }
    if let text = content.string { return (text, "") }
    var (text, refusal) = ("", "")
    for part in content.elements {
      if let words = part.string {
        text += words
        continue
      }
      switch part["type"]?.string {
      case nil, "text", "output_text": text += part["text"]?.string ?? part["text"]?["value"]?.string ?? ""
      case "refusal": refusal += part["refusal"]?.string ?? part["text"]?.string ?? ""
      default: break
      }
    }
    return (text, refusal)
  }

  // MARK: Calls

  private static func calls(_ message: JSONView, _ turn: Int, _ isStrict: Bool) -> [ToolCall] {
    var calls: [ToolCall] = []
    var ids: Set<String> = []
    for (position, call) in (message["tool_calls"].map { Array($0.elements) } ?? []).enumerated() {
      var id = call["id"]?.string ?? ""
      if id.isEmpty || id.utf8.count > 200 || id.utf8.contains(0) || !ids.insert(id).inserted {
        id = "call_\(turn)_\(position)"
        // A model may have written this one, too.
        while !ids.insert(id).inserted { id += "_" }
      }
      calls.append(ModelAnswer.call(call["function"] ?? call["custom"], id, call["extra_content"], isStrict))
    }
    // What was there before there were tool calls.
    if calls.isEmpty, let old = message["function_call"], old.kind == .object {
      calls.append(ModelAnswer.call(old, "call_\(turn)_0", nil, isStrict))
    }
    return calls
  }

  private static func call(_ function: JSONView?, _ id: String, _ extra: JSONView?, _ isStrict: Bool) -> ToolCall {
    let written = function?["arguments"] ?? function?["input"]
    // Some providers write the object itself where a string with it is due.
    let text = written.map { $0.string ?? String(decoding: $0.rawBytes, as: UTF8.self) } ?? ""
    let arguments = object(text, isStrict)
    return ToolCall(
      id: id, name: ModelAnswer.name(function?["name"]?.string ?? ""), arguments: arguments ?? "{}",
      isWellFormed: arguments != nil, extraContent: extra.map { Array($0.rawBytes) })
  }

  /// The object that arguments are meant to be, as a text that every provider takes back.
  private static func object(_ text: String, _ isStrict: Bool) -> String? {
    if text.allSatisfy(\.isWhitespace) { return "{}" }
    if (try? JSONDocument(parsing: text))?.root.kind == .object { return text }
    if isStrict { return nil }
    return JSONDocument(objectIn: text).map { String(decoding: $0.root.rawBytes, as: UTF8.self) }
  }

  /// A name in the letters that all providers allow; a name with others is no tool's name anyway.
  private static func name(_ name: String) -> String {
    let bytes = name.utf8.prefix(64).map { byte -> UInt8 in
      let isPlain =
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
        || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
      return isPlain ? byte : UInt8(ascii: "_")
    }
    return bytes.isEmpty ? "unknown" : String(decoding: bytes, as: UTF8.self)
  }
}
