package import Telemetry

/// Metrics of the prompt cache.
package struct CacheMetrics: Sendable {
  package let lookups: CounterFamily
  package let stores: Counter
  package let errors: Counter
  package let saved: Counter

  /// Registers them.
  package init(registry: MetricsRegistry) {
    lookups = registry.counter(
      "cadre_prompt_cache_lookups_total", help: "Calls that asked the prompt cache, by result.", labels: ["result"])
    stores = registry.counter("cadre_prompt_cache_stores_total", help: "Answers that were kept.")
    errors = registry.counter(
      "cadre_prompt_cache_errors_total", help: "Times that the cache was away; the call went on without.")
    saved = registry.counter(
      "cadre_prompt_cache_saved_nanousd_total",
      help: "What answers from the cache would have cost, in billionths of a US dollar.")
  }
}
