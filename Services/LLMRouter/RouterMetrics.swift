internal import Telemetry

/// Metrics of model calls. Providers and models come from the configuration, so labels are bounded.
struct RouterMetrics: Sendable {
  let calls: CounterFamily
  let tokens: CounterFamily
  let cost: CounterFamily
  let unpriced: CounterFamily
  let duration: HistogramFamily
  let firstByte: HistogramFamily

  init(registry: MetricsRegistry) {
    calls = registry.counter(
      "cadre_model_calls_total", help: "Calls to models, by outcome.", labels: ["provider", "model", "outcome"])
    tokens = registry.counter(
      "cadre_model_tokens_total", help: "Tokens that providers have counted.", labels: ["provider", "model", "kind"])
    cost = registry.counter(
      "cadre_model_cost_microusd_total", help: "Price of all calls, in millionths of a US dollar.",
      labels: ["provider", "model"])
    unpriced = registry.counter(
      "cadre_model_unpriced_calls_total", help: "Calls whose price or usage is unknown.", labels: ["provider", "model"])
    duration = registry.histogram(
      "cadre_model_call_duration_seconds", help: "Time from the request to the end of the answer.",
      labels: ["provider", "model"])
    firstByte = registry.histogram(
      "cadre_model_first_byte_seconds", help: "Time from the request to the head of the provider's answer.",
      labels: ["provider", "model"])
  }
}
