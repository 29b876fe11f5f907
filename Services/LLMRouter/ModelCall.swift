internal import Primitives
internal import Telemetry

/// The measurements of one call: metrics and a span by the GenAI semantic conventions of OpenTelemetry.
struct ModelCall: Sendable {
  let target: Target
  let metrics: RouterMetrics
  let startedAt: UInt64
  let span: Span

  func headArrived() {
    metrics.firstByte.with(target.provider, target.model.name)
      .observe(nanoseconds: MonotonicClock.now() &- startedAt)
  }

  func finished(_ account: CallAccount?, finish: String?) {
    end("ok", account)
    if span.isRecording {
      if let finish { span.setAttribute("gen_ai.response.finish_reasons", .string(finish)) }
      span.end()
    }
  }

  func failed(_ error: OpenAIError, _ account: CallAccount? = nil) {
    end(error.code, account)
    span.recordError(type: error.code, message: error.message)
    span.end()
  }

  private func end(_ outcome: String, _ account: CallAccount?) {
    let (provider, model) = (target.provider, target.model.name)
    metrics.calls.with(provider, model, outcome).add()
    metrics.duration.with(provider, model).observe(nanoseconds: MonotonicClock.now() &- startedAt)
    if let account {
      metrics.tokens.with(provider, model, "input").add(UInt64(account.inputTokens))
      metrics.tokens.with(provider, model, "output").add(UInt64(account.outputTokens))
    }
    if let cost = account?.costMicroUSD {
      metrics.cost.with(provider, model).add(UInt64(cost))
    } else if outcome == "ok" {
      metrics.unpriced.with(provider, model).add()
    }
    guard span.isRecording else { return }
    span.setAttribute("gen_ai.operation.name", .string("chat"))
    span.setAttribute("gen_ai.provider.name", .string(provider))
    span.setAttribute("gen_ai.request.model", .string(model))
    if let account {
      span.setAttribute("gen_ai.usage.input_tokens", .int(account.inputTokens))
      span.setAttribute("gen_ai.usage.output_tokens", .int(account.outputTokens))
    }
  }
}
