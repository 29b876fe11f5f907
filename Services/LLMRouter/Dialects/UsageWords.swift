internal import JSON

/// The counts of a call, to be said in any dialect: chat completions count cached tokens in, messages count them out.
struct UsageWords: Sendable, Hashable {
  var prompt: Int64 = 0
  var output: Int64 = 0
  var read: Int64 = 0
  var written: Int64 = 0
  var reasoning: Int64 = 0

  init() {}

  init?(chat usage: JSONView?) {
    guard let usage, let prompt = usage["prompt_tokens"]?.int else { return nil }
    self.prompt = prompt
    output = usage["completion_tokens"]?.int ?? 0
    read = usage["prompt_tokens_details"]?["cached_tokens"]?.int ?? 0
    written = usage["prompt_tokens_details"]?["cache_write_tokens"]?.int ?? 0
    reasoning = usage["completion_tokens_details"]?["reasoning_tokens"]?.int ?? 0
  }

  /// Takes over what a message's usage says; later events of a stream say only some of it.
  mutating func take(message usage: JSONView?) {
    guard let usage else { return }
    if let value = usage["cache_read_input_tokens"]?.int { read = value }
    if let value = usage["cache_creation_input_tokens"]?.int { written = value }
    if let value = usage["input_tokens"]?.int { prompt = value + read + written }
    if let value = usage["output_tokens"]?.int { output = value }
  }

  var chat: JSONValue {
    .members(
      ("prompt_tokens", .int(prompt)), ("completion_tokens", .int(output)), ("total_tokens", .int(prompt + output)),
      ("prompt_tokens_details", .members(("cached_tokens", .int(read)), ("cache_write_tokens", .int(written)))),
      ("completion_tokens_details", .members(("reasoning_tokens", .int(reasoning)))))
  }

  var message: JSONValue {
    .members(
      ("input_tokens", .int(max(0, prompt - read - written))), ("cache_creation_input_tokens", .int(written)),
      ("cache_read_input_tokens", .int(read)), ("output_tokens", .int(output)))
  }

  var response: JSONValue {
    .members(
      ("input_tokens", .int(prompt)),
      ("input_tokens_details", .members(("cached_tokens", .int(read)), ("cache_write_tokens", .int(written)))),
      ("output_tokens", .int(output)), ("output_tokens_details", .members(("reasoning_tokens", .int(reasoning)))),
      ("total_tokens", .int(prompt + output)))
  }
}
