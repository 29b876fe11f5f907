public import JSON

extension Usage {
  /// Reads what a worker reports of a call.
  init(reported fields: inout JSONFields, _ counts: inout ReportedCounts) {
    self.init(
      inputTokens: counts.read("input_tokens", &fields), outputTokens: counts.read("output_tokens", &fields),
      costMicroUSD: counts.read("cost_microusd", &fields), unpricedCalls: counts.read("unpriced_calls", &fields),
      modelCalls: counts.read("model_calls", &fields))
  }

  /// Reads the members that `writeMembers` writes; what is missing is 0.
  public init(_ view: JSONView) {
    self.init(
      inputTokens: view["input_tokens"]?.int ?? 0, outputTokens: view["output_tokens"]?.int ?? 0,
      costMicroUSD: view["cost_microusd"]?.int ?? 0, unpricedCalls: view["unpriced_calls"]?.int ?? 0,
      modelCalls: view["model_calls"]?.int ?? 0)
  }

  /// Writes it as members of the present object.
  public func writeMembers(to writer: inout JSONWriter) {
    writer.member("input_tokens", inputTokens)
    writer.member("output_tokens", outputTokens)
    writer.member("cost_microusd", costMicroUSD)
    writer.member("unpriced_calls", unpricedCalls)
    writer.member("model_calls", modelCalls)
  }
}
