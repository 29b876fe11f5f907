internal import Contracts
internal import JSON

/// What a provider says that a call has consumed, and what it costs.
struct CallAccount: Sendable {
  let inputTokens: Int64
  let outputTokens: Int64
  /// Millionths of a US dollar, nil when the price or the usage is unknown.
  let costMicroUSD: Int64?

  /// Reads the `usage` member of an answer. Negative or missing numbers make it unknown.
  init?(usage: JSONView?, of model: ModelDeclaration) {
    guard let input = usage?["prompt_tokens"]?.int, let output = usage?["completion_tokens"]?.int, input >= 0,
      output >= 0, input < 1_000_000_000, output < 1_000_000_000
    else { return nil }
    inputTokens = input
    outputTokens = output
    costMicroUSD = CallAccount.cost(input, output, model)
  }

  /// Rounded to the nearest millionth of a dollar.
  static func cost(_ input: Int64, _ output: Int64, _ model: ModelDeclaration) -> Int64? {
    guard let inputPrice = model.inputPrice, let outputPrice = model.outputPrice else { return nil }
    return (input * inputPrice + output * outputPrice + 500_000) / 1_000_000
  }
}
