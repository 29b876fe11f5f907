internal import Contracts
package import Postgres
internal import Primitives
internal import Reactor
package import Telemetry

/// Measures what tenants use, for dashboards: the largest by name, the others together.
package final class TenantSpendJob: Sendable {
  private static let interval = Duration.seconds(30)
  /// Tenants, and budgets, that are looked at.
  private static let rowsMax = 10_000

  private let pool: PostgresPool
  private let logger: Logger
  private let spend: LeadingSeries
  private let calls: LeadingSeries
  private let projects: LeadingSeries
  private let budgets: LeadingSeries

  /// Declares the metrics.
  package init(pool: PostgresPool, telemetry: Telemetry) {
    let registry = telemetry.registry
    self.pool = pool
    logger = telemetry.logger
    spend = LeadingSeries(
      registry.gauge(
        "cadre_tenant_spend_today_microusd",
        help: "Cost of today's calls (UTC) of the 20 tenants that spend most, in millionths of a US dollar.",
        labels: ["tenant"]))
    calls = LeadingSeries(
      registry.gauge(
        "cadre_tenant_calls_today", help: "Calls of models of today (UTC) of the 20 tenants that make most.",
        labels: ["tenant"]))
    projects = LeadingSeries(
      registry.gauge(
        "cadre_project_spend_today_microusd",
        help: "Cost of today's calls (UTC) of the 20 projects that spend most, in millionths of a US dollar.",
        labels: ["tenant", "project"]))
    budgets = LeadingSeries(
      registry.gauge(
        "cadre_budget_used_percent",
        help: "The largest part that is used of a tenant's budgets of a scope and period: the 20 largest.",
        labels: ["tenant", "scope", "period"]))
  }

  /// Works until cancelled.
  package func run() async {
    while !Task.isCancelled {
      do {
        try await measure()
        try await EventLoop.sleep(for: TenantSpendJob.interval)
      } catch is CancellationError {
        return
      } catch {
        logger.warning("the spend of tenants could not be measured", ["reason": .string("\(error)")])
        do { try await EventLoop.sleep(for: TenantSpendJob.interval) } catch { return }
      }
    }
  }

  /// Measures once.
  package func measure() async throws {
    let tenants = try await pool.query(TenantSpend.today, TenantSpendJob.rowsMax)
    spend.set(tenants.map { ("\($0.tenant)", DollarAmount.micro(nano: $0.nanoUSD)) })
    calls.set(tenants.map { ("\($0.tenant)", $0.calls) })
    let found = try await pool.query(ProjectSpend.today, (TenantSpendJob.rowsMax, LeadingSeries.shownMax))
    // The small ones of a tenant have no name: they are in the rest, whatever they are together.
    let (named, small) = (found.filter { !$0.project.isEmpty }, found.filter(\.project.isEmpty))
    projects.set(
      labels: named.map { (["\($0.tenant)", $0.project], DollarAmount.micro(nano: $0.nanoUSD)) },
      rest: small.reduce(0) { $0.addingClamped(DollarAmount.micro(nano: $1.nanoUSD)) })
    let budgets = try await pool.query(BudgetUse.now, TenantSpendJob.rowsMax)
    // The rest has no sum that would mean anything.
    self.budgets.set(
      labels: budgets.map { (["\($0.tenant)", $0.scope, $0.period], $0.percent) }, rest: nil)
  }
}
