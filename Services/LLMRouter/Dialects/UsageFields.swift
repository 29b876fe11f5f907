internal import JSON
internal import Pricing
internal import Primitives

/// The counts of a call, to be said in any dialect: chat completions count cached tokens in, messages count them out.
/// What a provider says that cannot be true is left out, so that callers get counts they can add up.
struct UsageFields: Sendable, Hashable {
  var prompt: Int64 = 0
  var output: Int64 = 0
  var read: Int64 = 0
  var written: Int64 = 0
  var reasoning: Int64 = 0
  private var messages = MessageUsage()

  init() {}

  init(_ usage: TokenUsage) {
    prompt = usage.prompt
    output = usage.output
    read = usage.cacheRead
    written = usage.cacheWrite.addingClamped(usage.cacheWriteLong)
    reasoning = usage.reasoning
  }

  init?(chat usage: JSONView?) {
    guard let usage = TokenUsage(chat: usage) else { return nil }
    self.init(usage)
  }

  /// Reads a chunk or an answer of chat completions, wherever it says what was used.
  init?(chatAnswer root: JSONView) {
    guard let usage = TokenUsage(chatAnswer: root) else { return nil }
    self.init(usage)
  }

  /// Takes over what a message's usage says; later events of a stream say only some of it.
  mutating func take(message usage: JSONView?) {
    messages.take(usage, isFinal: true)
    guard let read = messages.usage else { return }
    let known = messages
    self = UsageFields(read)
    messages = known
  }

  var chat: JSONValue {
    .members(
      ("prompt_tokens", .int(prompt)), ("completion_tokens", .int(output)),
      ("total_tokens", .int(prompt.addingClamped(output))),
      ("prompt_tokens_details", .members(("cached_tokens", .int(read)), ("cache_write_tokens", .int(written)))),
      ("completion_tokens_details", .members(("reasoning_tokens", .int(reasoning)))))
  }

  var message: JSONValue {
    .members(
      ("input_tokens", .int(max(0, prompt.subtractingClamped(read).subtractingClamped(written)))),
      ("cache_creation_input_tokens", .int(written)), ("cache_read_input_tokens", .int(read)),
      ("output_tokens", .int(output)))
  }

  var response: JSONValue {
    .members(
      ("input_tokens", .int(prompt)),
      ("input_tokens_details", .members(("cached_tokens", .int(read)), ("cache_write_tokens", .int(written)))),
      ("output_tokens", .int(output)), ("output_tokens_details", .members(("reasoning_tokens", .int(reasoning)))),
      ("total_tokens", .int(prompt.addingClamped(output))))
  }
}
