internal import Primitives

/// The tokens of a call by kind. The kinds do not overlap, whatever the provider's own counting is.
public struct TokenUsage: Hashable, Sendable {
  /// More than this of one kind is not believed: it is a thousand of the largest context windows.
  public static let tokensMax: Int64 = 1_000_000_000
  /// More paid tool calls than this in one answer are not believed.
  public static let requestsMax: Int64 = 100_000

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
  /// Searches of the web that the provider made for the answer and asks money for.
  public var searches: Int64 = 0
  /// Other calls of tools at the provider that cost money beside tokens.
  public var paidToolCalls: Int64 = 0
  /// The tier at which the provider has served the call.
  public var tier = ServiceTier.standard
  /// Whether the provider has counted the prompt; else the kinds of the prompt are no counts.
  public var isPromptReported = true
  /// Whether the provider has counted the whole answer; else `output` is what it counted so far, or nothing.
  public var isOutputReported = true

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
  public var prompt: Int64 {
    input.addingClamped(cacheRead).addingClamped(cacheWrite).addingClamped(cacheWriteLong)
  }
  /// All tokens.
  public var total: Int64 { prompt.addingClamped(output) }

  /// What is accounted: the provider's counts, and the estimate in place of those that are missing or cannot be true. A
  /// prompt has tokens, and so has an answer that holds something: a zero there is no count.
  public func completed(by estimate: TokenUsage) -> (usage: TokenUsage, isEstimated: Bool) {
    var usage = self
    var isEstimated = false
    if !isPromptReported || (prompt <= 0 && estimate.prompt > 0) {
      usage.input = estimate.input
      usage.cacheRead = estimate.cacheRead
      usage.cacheWrite = estimate.cacheWrite
      usage.cacheWriteLong = estimate.cacheWriteLong
      usage.isPromptReported = true
      isEstimated = true
    }
    if !isOutputReported || (output <= 0 && estimate.output > 0) {
      usage.output = max(output, estimate.output)
      usage.reasoning = min(usage.reasoning, usage.output)
      usage.isOutputReported = true
      isEstimated = true
    }
    return (usage, isEstimated)
  }

  /// What is accounted when a provider has reported its counts, or not.
  public static func accounted(_ reported: TokenUsage?, estimate: TokenUsage) -> (usage: TokenUsage, isEstimated: Bool)
  {
    guard let reported else { return (estimate, true) }
    return reported.completed(by: estimate)
  }

  /// The sum of two.
  public static func + (left: TokenUsage, right: TokenUsage) -> TokenUsage {
    var sum = TokenUsage(
      input: left.input.addingClamped(right.input), cacheRead: left.cacheRead.addingClamped(right.cacheRead),
      cacheWrite: left.cacheWrite.addingClamped(right.cacheWrite),
      cacheWriteLong: left.cacheWriteLong.addingClamped(right.cacheWriteLong),
      output: left.output.addingClamped(right.output), reasoning: left.reasoning.addingClamped(right.reasoning))
    sum.searches = left.searches.addingClamped(right.searches)
    sum.paidToolCalls = left.paidToolCalls.addingClamped(right.paidToolCalls)
    sum.tier = left.tier == .standard ? right.tier : left.tier
    return sum
  }
}

/// How urgently a provider serves a call, which changes its price.
public enum ServiceTier: String, Sendable, Hashable, CaseIterable {
  /// The listed price.
  case standard
  /// Slower and cheaper.
  case flex
  /// Served later, together with others, and cheaper.
  case batch
  /// Served first, and dearer.
  case priority
  /// A mode of faster generation at a multiple of the price.
  case fast
  /// A word that is not known here.
  case other

  /// Reads the word of a provider or a caller. What asks for nothing, or leaves the choice to the provider, is
  /// standard.
  public init(_ word: String?) {
    switch word ?? "" {
    case "", "auto", "default", "standard", "standard_only", "on_demand": self = .standard
    case "flex": self = .flex
    case "batch": self = .batch
    case "priority", "performance": self = .priority
    case "fast": self = .fast
    default: self = .other
    }
  }
}
