internal import AnswerCache
internal import Ledger
package import Telemetry

/// Metrics of model calls. Providers and models come from the configuration, so labels are bounded; names that callers
/// invent never become labels.
package struct CallMetrics: Sendable {
  private static let tokenBuckets: [Double] = [
    1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864,
  ]

  let calls: CounterFamily
  let attempts: CounterFamily
  let tokens: CounterFamily
  let cost: CounterFamily
  let unpriced: CounterFamily
  let estimated: CounterFamily
  let duration: HistogramFamily
  let firstToken: HistogramFamily
  let overhead: Histogram
  let tokenUsage: HistogramFamily
  let operationDuration: HistogramFamily
  let streams: Gauge
  let hedges: Counter
  let checks: CounterFamily

  /// Registers the metrics.
  package init(registry: MetricsRegistry) {
    calls = registry.counter(
      "cadre_model_calls_total", help: "Calls of models, by outcome.", labels: ["provider", "model", "outcome"])
    attempts = registry.counter(
      "cadre_model_attempts_total", help: "AttemptLoop at providers, by result.",
      labels: ["provider", "model", "result"])
    tokens = registry.counter(
      "cadre_model_tokens_total", help: "Tokens that providers have counted.", labels: ["provider", "model", "kind"])
    cost = registry.counter(
      "cadre_model_cost_microusd_total", help: "Price of all calls, in millionths of a US dollar.",
      labels: ["provider", "model"])
    unpriced = registry.counter(
      "cadre_model_unpriced_calls_total", help: "Calls whose price or usage is unknown.", labels: ["provider", "model"])
    estimated = registry.counter(
      "cadre_model_estimated_calls_total", help: "Calls whose usage the provider did not report.",
      labels: ["provider", "model"])
    duration = registry.histogram(
      "cadre_model_call_duration_seconds", help: "Time from the request to the end of the answer.",
      labels: ["provider", "model"])
    firstToken = registry.histogram(
      "cadre_model_first_byte_seconds", help: "Time from the request to the first token of the answer.",
      labels: ["provider", "model"])
    overhead = registry.histogram(
      "cadre_model_overhead_seconds",
      help: "Time from the request to the first byte to a provider: parsing, routing, budgets, cache."
    ).with()
    tokenUsage = registry.histogram(
      "gen_ai_client_token_usage", help: "Tokens of a call (OpenTelemetry gen_ai.client.token.usage).",
      labels: ["gen_ai_provider_name", "gen_ai_request_model", "gen_ai_token_type"], buckets: CallMetrics.tokenBuckets,
      scale: 1)
    operationDuration = registry.histogram(
      "gen_ai_client_operation_duration_seconds",
      help: "Duration of a call (OpenTelemetry gen_ai.client.operation.duration).",
      labels: ["gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model"])
    hedges = registry.counter(
      "cadre_model_hedges_total", help: "Calls for which a second provider was asked at the same time.")
    checks = registry.counter(
      "cadre_model_checks_total", help: "Answers that were checked, by result.", labels: ["result"])
    streams = registry.gauge("cadre_model_streams", help: "Answers that are streaming now.")
  }
}
