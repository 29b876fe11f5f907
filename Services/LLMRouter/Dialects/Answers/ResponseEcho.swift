public import JSON

/// The members of a request of the Responses API that its response repeats.
public struct ResponseEcho: Sendable {
  private static let names = [
    "background", "instructions", "max_output_tokens", "max_tool_calls", "metadata", "parallel_tool_calls",
    "previous_response_id", "prompt_cache_key", "reasoning", "safety_identifier", "service_tier", "store",
    "temperature", "text", "tool_choice", "tools", "top_logprobs", "top_p", "truncation", "user",
  ]
  /// What a member is when the request has none.
  private static let defaults = [
    "instructions": "null", "max_output_tokens": "null", "metadata": "{}", "parallel_tool_calls": "true",
    "previous_response_id": "null", "reasoning": #"{"effort":null,"summary":null}"#, "temperature": "null",
    "text": #"{"format":{"type":"text"}}"#, "tool_choice": #""auto""#, "tools": "[]", "top_p": "null",
    "truncation": #""disabled""#,
  ]

  /// Nothing but the defaults.
  public static let none = ResponseEcho(nil)

  private var values: [(name: String, json: [UInt8])] = []

  /// What a request says.
  public init(_ request: JSONView?) {
    for name in ResponseEcho.names {
      if let value = request?.present(name) {
        values.append((name, Array(value.rawBytes)))
      } else if let value = ResponseEcho.defaults[name] {
        values.append((name, Array(value.utf8)))
      }
    }
  }

  func write(to writer: inout JSONWriter) {
    for (name, json) in values { writer.member(name, raw: json) }
  }
}
