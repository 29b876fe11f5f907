/// What a part of an answer is.
enum AnswerPart: Sendable, Hashable {
  /// Text for the reader.
  case text
  /// Text of a model that declines.
  case refusal
  /// Thoughts that may be seen.
  case thinking
  /// Thoughts that only their provider can read.
  case redacted(data: String)
  /// A tool is called, by its name at the provider; the fragments are its arguments.
  case call(id: String, name: String)
}

/// One step of an answer, whatever dialect it came in. Parts never overlap: each is opened, filled and closed before
/// the next one.
enum AnswerEvent: Sendable, Hashable {
  /// The answer begins; the id is the provider's, and may be empty.
  case begin(id: String)
  /// A part begins.
  case open(AnswerPart)
  /// More of the open part.
  case fragment(String)
  /// What proves to its provider that the open part, thoughts, is genuine.
  case signature(String)
  /// The open part ends.
  case close
}

/// Why an answer ended.
enum AnswerFinish: Sendable, Hashable {
  /// It is complete.
  case stop
  /// The caller's stop sequence came; nil when the provider does not say which.
  case stopSequence(String?)
  /// The bound of the answer, or of the model's context, was reached.
  case length
  /// Tools are to be run.
  case calls
  /// A content filter, or the model itself, withholds the rest.
  case filtered
  /// The provider pauses in a long turn and wants to be asked to go on.
  case paused

  /// A finish reason of chat completions, as many servers name it; nil when there is none.
  init?(chat reason: String?) {
    guard let reason, !reason.isEmpty else { return nil }
    switch reason.lowercased() {
    case "length", "max_tokens", "max_output_tokens", "model_length", "token_limit": self = .length
    case "tool_calls", "tool_call", "function_call", "tool_use": self = .calls
    case "content_filter", "content_filtered", "refusal", "safety", "recitation", "prohibited_content", "blocklist",
      "spii", "image_safety":
      self = .filtered
    default: self = .stop
    }
  }

  /// A stop reason of messages; nil when there is none.
  init?(message reason: String?, sequence: String?) {
    guard let reason, !reason.isEmpty else { return nil }
    switch reason.lowercased() {
    case "max_tokens", "model_context_window_exceeded", "length": self = .length
    case "tool_use", "tool_calls": self = .calls
    case "refusal", "content_filter", "content_filtered": self = .filtered
    case "stop_sequence": self = .stopSequence(sequence)
    case "pause_turn": self = .paused
    default: self = .stop
    }
  }

  /// The reason that fits to what has come: some servers say `stop` after tool calls, some `tool_calls` after none.
  func fitting(hasCalls: Bool) -> AnswerFinish {
    switch self {
    case .length, .filtered: self
    case .calls: hasCalls ? .calls : .stop
    case .stop, .stopSequence, .paused: hasCalls ? .calls : self
    }
  }

  var chat: String {
    switch self {
    case .stop, .stopSequence, .paused: "stop"
    case .length: "length"
    case .calls: "tool_calls"
    case .filtered: "content_filter"
    }
  }

  var message: String {
    switch self {
    case .stop: "end_turn"
    case .stopSequence: "stop_sequence"
    case .length: "max_tokens"
    case .calls: "tool_use"
    case .filtered: "refusal"
    case .paused: "pause_turn"
    }
  }

  /// Why a response (the Responses API) is incomplete; nil when it is not.
  var incompleteReason: String? {
    switch self {
    case .length: "max_output_tokens"
    case .filtered: "content_filter"
    case .stop, .stopSequence, .calls, .paused: nil
    }
  }
}
