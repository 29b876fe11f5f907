/// Why an answer ended, in the words of both dialects.
enum StopReasons {
  static func message(fromChat reason: String?) -> String {
    switch reason {
    case "length": "max_tokens"
    case "tool_calls", "function_call": "tool_use"
    case "content_filter": "refusal"
    default: "end_turn"
    }
  }

  static func chat(fromMessage reason: String?) -> String {
    switch reason {
    case "max_tokens", "model_context_window_exceeded": "length"
    case "tool_use": "tool_calls"
    case "refusal": "content_filter"
    default: "stop"
    }
  }
}
