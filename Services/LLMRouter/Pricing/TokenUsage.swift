public import JSON

/// The tokens of a call by kind. The kinds do not overlap, whatever the provider's own counting is.
public struct TokenUsage: Hashable, Sendable {
  /// More than this of one kind is not believed.
  public static let tokensMax: Int64 = 1_000_000_000

  /// Prompt tokens that were neither read from nor written to the provider's cache.
  public var input: Int64
  /// Prompt tokens that the provider read from its cache.
  public var cacheRead: Int64
  /// Prompt tokens that the provider wrote to its cache, to be kept for minutes.
  public var cacheWrite: Int64
  /// Prompt tokens that the provider wrote to its cache, to be kept for an hour.
  public var cacheWriteLong: Int64
  /// Tokens of the answer, reasoning included.
  public var output: Int64
  /// The part of `output` that was reasoning.
  public var reasoning: Int64

  /// Counts by kind.
  public init(
    input: Int64 = 0, cacheRead: Int64 = 0, cacheWrite: Int64 = 0, cacheWriteLong: Int64 = 0, output: Int64 = 0,
    reasoning: Int64 = 0
  ) {
    self.input = input
    self.cacheRead = cacheRead
    self.cacheWrite = cacheWrite
    self.cacheWriteLong = cacheWriteLong
    self.output = output
    self.reasoning = reasoning
  }

  /// All tokens of the prompt.
  public var prompt: Int64 { input + cacheRead + cacheWrite + cacheWriteLong }
  /// All tokens.
  public var total: Int64 { prompt + output }

  /// Reads `usage` of a chat completion or of embeddings, whose `prompt_tokens` include what came from the cache. Nil
  /// when the counts are missing or cannot be true.
  public init?(chat usage: JSONView?) {
    guard let usage, let prompt = usage["prompt_tokens"]?.int else { return nil }
    let details = usage["prompt_tokens_details"]
    self.init(
      prompt: prompt, output: usage["completion_tokens"]?.int ?? 0, read: details?["cached_tokens"]?.int,
      written: details?["cache_write_tokens"]?.int,
      reasoning: usage["completion_tokens_details"]?["reasoning_tokens"]?.int)
  }

  /// Reads `usage` of a response (the Responses API), whose `input_tokens` include what came from the cache.
  public init?(responses usage: JSONView?) {
    guard let usage, let prompt = usage["input_tokens"]?.int, let output = usage["output_tokens"]?.int else {
      return nil
    }
    let details = usage["input_tokens_details"]
    self.init(
      prompt: prompt, output: output, read: details?["cached_tokens"]?.int,
      written: details?["cache_write_tokens"]?.int,
      reasoning: usage["output_tokens_details"]?["reasoning_tokens"]?.int)
  }

  /// Reads `usage` of a message (Anthropic), whose `input_tokens` leave out what the cache had part in.
  public init?(messages usage: JSONView?) {
    guard let usage, let input = usage["input_tokens"]?.int else { return nil }
    let long = usage["cache_creation"]?["ephemeral_1h_input_tokens"]?.int ?? 0
    let written = usage["cache_creation_input_tokens"]?.int ?? 0
    self.init(
      input: input, cacheRead: usage["cache_read_input_tokens"]?.int ?? 0, cacheWrite: written - min(long, written),
      cacheWriteLong: long, output: usage["output_tokens"]?.int ?? 0)
    guard isBelievable else { return nil }
  }

  private init?(prompt: Int64, output: Int64, read: Int64?, written: Int64?, reasoning: Int64?) {
    let (read, written) = (read ?? 0, written ?? 0)
    guard prompt >= 0, prompt <= TokenUsage.tokensMax, read >= 0, written >= 0, read <= prompt,
      written <= prompt - read
    else { return nil }
    self.init(
      input: prompt - read - written, cacheRead: read, cacheWrite: written, output: output, reasoning: reasoning ?? 0)
    guard isBelievable else { return nil }
  }

  private var isBelievable: Bool {
    [input, cacheRead, cacheWrite, cacheWriteLong, output, reasoning].allSatisfy {
      $0 >= 0 && $0 <= TokenUsage.tokensMax
    }
  }

  /// The sum of two.
  public static func + (left: TokenUsage, right: TokenUsage) -> TokenUsage {
    TokenUsage(
      input: left.input + right.input, cacheRead: left.cacheRead + right.cacheRead,
      cacheWrite: left.cacheWrite + right.cacheWrite, cacheWriteLong: left.cacheWriteLong + right.cacheWriteLong,
      output: left.output + right.output, reasoning: left.reasoning + right.reasoning)
  }
}
