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
  /// What counts instead for long prompts.
  public var longPrompt: LongPromptPrice?

  /// A price.
  public init(
    input: Int64, output: Int64, cacheRead: Int64? = nil, cacheWrite: Int64? = nil, cacheWriteLong: Int64? = nil,
    longPrompt: LongPromptPrice? = nil
  ) {
    self.input = input
    self.output = output
    self.cacheRead = cacheRead
    self.cacheWrite = cacheWrite
    self.cacheWriteLong = cacheWriteLong
    self.longPrompt = longPrompt
  }

  /// What `usage` costs in billionths of a US dollar, rounded up, so that no call with a price is free by rounding.
  /// Parts that have no known price are charged by what is known (`charge(_:kind:)` says whether there are some). Never
  /// overflows: the product of both maxima is clamped.
  public func nanoUSD(_ usage: TokenUsage) -> Int64 {
    if let longPrompt, usage.prompt > longPrompt.above { return price(longPrompt).nanoUSD(usage) }
    let write = cacheWrite ?? input
    let parts: [(Int64, Int64)] = [
      (usage.input, input), (usage.cacheRead, cacheRead ?? input), (usage.cacheWrite, write),
      (usage.cacheWriteLong, cacheWriteLong ?? write), (usage.output, output),
    ]
    let sum = parts.reduce(Int128(0)) { $0 + Int128($1.0) * Int128($1.1) }
    return Int64(clamping: (sum + 999) / 1000)
  }

  /// What a call costs.
  public struct Charge: Hashable, Sendable {
    /// Billionths of a US dollar; nil when a part of it has no known price.
    public let nanoUSD: Int64?
    /// What counts against budgets all the same.
    public let chargedNanoUSD: Int64
  }

  /// What `usage` costs at a provider of a kind: the tokens at their tier, and the searches. Where the price of a tier
  /// is not known, budgets are charged by the dearest that is in use for it.
  public func charge(_ usage: TokenUsage, kind: String) -> Charge {
    let tier = usage.tier.factor(kind: kind)
    let tokens = Int128(nanoUSD(usage)) * Int128(tier.percent)
    let search = kind == "anthropic" ? Price.searchNanoUSD : nil
    let searches = Int128(usage.searches) * Int128(search ?? Price.searchNanoUSD)
    let charged = Int64(clamping: (tokens + 99) / 100 + searches)
    let isKnown = tier.isKnown && usage.paidToolCalls == 0 && (usage.searches == 0 || search != nil)
    return Charge(nanoUSD: isKnown ? charged : nil, chargedNanoUSD: charged)
  }

  /// A search of the web at Anthropic: ten dollars a thousand. Others ask for more than one price; budgets are charged
  /// this one.
  private static let searchNanoUSD: Int64 = 10_000_000

  /// The price for long prompts: what is not named rises in the same proportion as fresh tokens.
  private func price(_ long: LongPromptPrice) -> Price {
    func raised(_ value: Int64?) -> Int64? {
      value.map { input > 0 ? Int64(clamping: Int128($0) * Int128(long.input) / Int128(input)) : $0 }
    }
    return Price(
      input: long.input, output: long.output, cacheRead: long.cacheRead ?? raised(cacheRead),
      cacheWrite: raised(cacheWrite), cacheWriteLong: raised(cacheWriteLong))
  }

  /// The most that a call with this many tokens can cost: the dearest kind of prompt is assumed.
  public func nanoUSDMax(prompt: Int64, output tokens: Int64) -> Int64 {
    // The provider may count more tokens than we do: near the step the higher price is assumed.
    if let longPrompt, prompt > longPrompt.above / 2 {
      return price(longPrompt).nanoUSDMax(prompt: prompt, output: tokens)
    }
    let write = Swift.max(cacheWrite ?? input, cacheWriteLong ?? 0)
    let dearest = Swift.max(input, write)
    let sum = Int128(prompt) * Int128(dearest) + Int128(tokens) * Int128(output)
    return Int64(clamping: (sum + 999) / 1000)
  }
}

extension ServiceTier {
  /// What a tier makes of the listed price, in hundredths, and whether that is the published price.
  public func factor(kind: String) -> (percent: Int64, isKnown: Bool) {
    switch self {
    case .standard: (100, true)
    // OpenAI: "Flex" and batches at half the price.
    case .flex, .batch: kind == "openai" || (kind == "anthropic" && self == .batch) ? (50, true) : (100, false)
    // 1.67 to 2.5 times, by model.
    case .priority: kind == "anthropic" ? (100, false) : (250, false)
    case .fast: (600, false)
    case .other: (100, false)
    }
  }
}

/// What counts for the whole call once its prompt is long, in the units of `Price`.
public struct LongPromptPrice: Hashable, Sendable {
  /// Prompts of more tokens than this are long.
  public var above: Int64
  /// Fresh prompt tokens.
  public var input: Int64
  /// Tokens of the answer.
  public var output: Int64
  /// Prompt tokens read from the provider's cache; nil: risen as fresh ones.
  public var cacheRead: Int64?

  /// A price for long prompts.
  public init(above: Int64, input: Int64, output: Int64, cacheRead: Int64? = nil) {
    self.above = above
    self.input = input
    self.output = output
    self.cacheRead = cacheRead
  }
}
