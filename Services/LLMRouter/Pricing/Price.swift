/// What the tokens of a model cost, each kind in millionths of a US dollar per million tokens.
public struct Price: Hashable, Sendable {
  /// The largest price that is taken, a hundred thousand dollars per million tokens.
  public static let max: Int64 = 100_000_000_000

  /// Fresh prompt tokens.
  public var input: Int64
  /// Tokens of the answer.
  public var output: Int64
  /// Prompt tokens read from the provider's cache; nil: as fresh ones.
  public var cacheRead: Int64?
  /// Prompt tokens written to the provider's cache for minutes; nil: as fresh ones.
  public var cacheWrite: Int64?
  /// Prompt tokens written to the provider's cache for an hour; nil: as those for minutes.
  public var cacheWriteLong: Int64?

  /// A price.
  public init(
    input: Int64, output: Int64, cacheRead: Int64? = nil, cacheWrite: Int64? = nil, cacheWriteLong: Int64? = nil
  ) {
    self.input = input
    self.output = output
    self.cacheRead = cacheRead
    self.cacheWrite = cacheWrite
    self.cacheWriteLong = cacheWriteLong
  }

  /// What `usage` costs in billionths of a US dollar, rounded up, so that no call with a price is free by rounding.
  /// Never overflows: the product of both maxima is clamped.
  public func nanoUSD(_ usage: TokenUsage) -> Int64 {
    let write = cacheWrite ?? input
    let parts: [(Int64, Int64)] = [
      (usage.input, input), (usage.cacheRead, cacheRead ?? input), (usage.cacheWrite, write),
      (usage.cacheWriteLong, cacheWriteLong ?? write), (usage.output, output),
    ]
    let sum = parts.reduce(Int128(0)) { $0 + Int128($1.0) * Int128($1.1) }
    return Int64(clamping: (sum + 999) / 1000)
  }

  /// The most that a call with this many tokens can cost: the dearest kind of prompt is assumed.
  public func nanoUSDMax(prompt: Int64, output tokens: Int64) -> Int64 {
    let write = Swift.max(cacheWrite ?? input, cacheWriteLong ?? 0)
    let dearest = Swift.max(input, write)
    let sum = Int128(prompt) * Int128(dearest) + Int128(tokens) * Int128(output)
    return Int64(clamping: (sum + 999) / 1000)
  }
}
