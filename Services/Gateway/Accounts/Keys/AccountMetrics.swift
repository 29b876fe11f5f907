package import Telemetry

/// What is counted of keys.
package struct AccountMetrics: Sendable {
  private let lookups: CounterFamily

  /// Registers the metrics.
  package init(_ registry: MetricsRegistry) {
    lookups = registry.counter(
      "cadre_gateway_account_lookups_total",
      help: "Lookups of keys and tenants, by what was found: hit, miss, stale, unavailable.", labels: ["of", "result"])
  }

  func found(_ of: String, _ result: String) { lookups.with(of, result).add() }
}
