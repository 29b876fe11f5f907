internal import Budgets
package import Telemetry

/// Metrics of budgets and the ledger. Labels are closed sets.
package struct SpendingMetrics: Sendable {
  let refused: CounterFamily
  let alerts: CounterFamily
  let rebuilt: Counter
  let losses: Counter

  /// Registers them.
  package init(registry: MetricsRegistry) {
    refused = registry.counter(
      "cadre_budget_refusals_total", help: "Calls refused because a budget was exhausted.", labels: ["scope"])
    alerts = registry.counter(
      "cadre_budget_alerts_total", help: "Settled calls that found a budget beyond its alert threshold.",
      labels: ["scope", "period"])
    // Series that begin with their first event have no increase that a rule could see.
    for scope in BudgetScope.allCases {
      refused.with(scope.rawValue).add(0)
      for period in BudgetPeriod.allCases { alerts.with(scope.rawValue, period.rawValue).add(0) }
    }
    rebuilt = registry.counter(
      "cadre_budget_rebuilds_total", help: "Budget counters that were rebuilt from the ledger.")
    losses = registry.counter(
      "cadre_budget_losses_total", help: "Budget counters in use that were found to have less than the ledger.")
  }
}
