internal import Dialects
internal import Ledger
internal import ModelCatalog
internal import Pricing
internal import Primitives
internal import Routing
internal import Telemetry

/// What metrics and traces say of a call.
extension CallAccount {
  /// Counts an ended call or attempt in the metrics.
  func observe(_ entry: LedgerEntry, _ target: ModelTarget?, _ kind: ProviderKind?, isReported: Bool) {
    let (provider, model) = (target?.provider ?? "", target?.name ?? "")
    metrics.calls.with(provider, model, entry.outcome).add()
    guard let target else { return }
    let trace = span.isRecording ? span.context : nil
    metrics.duration.with(provider, model).observe(
      nanoseconds: UInt64(max(0, entry.latencyMicroseconds)) * 1000, in: trace)
    if let first = entry.firstTokenMicroseconds {
      metrics.firstToken.with(provider, model).observe(nanoseconds: UInt64(max(0, first)) * 1000, in: trace)
    }
    let usage = entry.usage
    for (part, count) in [
      ("input", usage.input), ("cache_read", usage.cacheRead),
      ("cache_write", usage.cacheWrite.addingClamped(usage.cacheWriteLong)),
      ("output", usage.output),
    ] where count > 0 { metrics.tokens.with(provider, model, part).add(UInt64(count)) }
    if entry.isEstimated { metrics.estimated.with(provider, model).add() }
    if let nano = entry.nanoUSD {
      if nano > 0 { metrics.cost.with(provider, model).add(UInt64(clamping: DollarAmount.micro(nano: nano))) }
    } else {
      metrics.unpriced.with(provider, model).add()
    }
    let name = kind?.conventionName ?? "openai"
    if isReported {
      metrics.tokenUsage.with(name, target.name, "input").observe(Double(max(0, usage.prompt)), in: trace)
      metrics.tokenUsage.with(name, target.name, "output").observe(Double(max(0, usage.output)), in: trace)
    }
    metrics.operationDuration.with(CallAccount.operation(entry.dialect), name, target.name)
      .observe(nanoseconds: UInt64(max(0, entry.latencyMicroseconds)) * 1000, in: trace)
  }

  static func operation(_ dialect: Dialect) -> String { dialect == .embeddings ? "embeddings" : "chat" }

  /// The span by the GenAI conventions of OpenTelemetry.
  func describe(_ entry: LedgerEntry, _ target: ModelTarget?, _ kind: ProviderKind?, _ finish: String?) {
    if entry.outcome != "ok" { span.recordError(type: entry.outcome, message: entry.outcome) }
    guard span.isRecording else { return }
    span.setAttribute("gen_ai.operation.name", .string(CallAccount.operation(entry.dialect)))
    span.setAttribute("gen_ai.request.model", .string(CallLabels.plain(entry.modelAsked)))
    span.setAttribute("cadre.route", .string(entry.route))
    span.setAttribute("cadre.attempts", .int(Int64(entry.attempts)))
    if let target {
      span.setAttribute("gen_ai.response.model", .string(target.providerModel))
      span.setAttribute("gen_ai.provider.name", .string(kind?.conventionName ?? "openai"))
    }
    span.setAttribute("gen_ai.usage.input_tokens", .int(entry.usage.prompt))
    span.setAttribute("gen_ai.usage.output_tokens", .int(entry.usage.output))
    span.setAttribute("gen_ai.usage.cache_read.input_tokens", .int(entry.usage.cacheRead))
    if let finish { span.setAttribute("gen_ai.response.finish_reasons", .string(finish)) }
    if let nano = entry.nanoUSD { span.setAttribute("cadre.cost_nanousd", .int(nano)) }
  }
}
