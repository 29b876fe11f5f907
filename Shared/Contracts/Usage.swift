/// What model calls have consumed.
public struct Usage: Hashable, Sendable {
  /// Tokens of prompts, cached ones included.
  public var inputTokens: Int64
  /// Tokens of answers.
  public var outputTokens: Int64
  /// Price in millionths of a US dollar, of the calls whose price is known.
  public var costMicroUSD: Int64
  /// Model calls whose price is unknown: then the cost is a lower bound.
  public var unpricedCalls: Int64
  /// Model calls made.
  public var modelCalls: Int64

  /// Makes a record of consumption.
  public init(
    inputTokens: Int64 = 0, outputTokens: Int64 = 0, costMicroUSD: Int64 = 0, unpricedCalls: Int64 = 0,
    modelCalls: Int64 = 0
  ) {
    self.inputTokens = inputTokens
    self.outputTokens = outputTokens
    self.costMicroUSD = costMicroUSD
    self.unpricedCalls = unpricedCalls
    self.modelCalls = modelCalls
  }

  /// Nothing consumed.
  public static let zero = Usage()

  /// The sum, saturating.
  public static func + (left: Usage, right: Usage) -> Usage {
    func sum(_ first: Int64, _ second: Int64) -> Int64 {
      let (value, overflow) = first.addingReportingOverflow(second)
      return overflow ? .max : value
    }
    return Usage(
      inputTokens: sum(left.inputTokens, right.inputTokens), outputTokens: sum(left.outputTokens, right.outputTokens),
      costMicroUSD: sum(left.costMicroUSD, right.costMicroUSD),
      unpricedCalls: sum(left.unpricedCalls, right.unpricedCalls), modelCalls: sum(left.modelCalls, right.modelCalls))
  }
}
