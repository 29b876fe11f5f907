internal import Contracts
internal import Reactor
package import RunStorage
package import Telemetry

/// Measures what tenants do, for dashboards: the largest by name, the others together.
package final class TenantActivityJob: Sendable {
  private static let interval = Duration.seconds(30)
  private static let rowsMax = 100_000

  private let store: RunStore
  private let logger: Logger
  private let runs: LeadingSeries
  private let ready: LeadingSeries

  /// Declares the metrics.
  package init(store: RunStore, registry: MetricsRegistry, logger: Logger) {
    self.store = store
    self.logger = logger
    runs = LeadingSeries(
      registry.gauge(
        "cadre_tenant_recent_runs", help: "Runs of the last five minutes of the 20 tenants that have most.",
        labels: ["tenant"]))
    ready = LeadingSeries(
      registry.gauge(
        "cadre_tenant_steps_ready", help: "Steps that wait for a worker of the 20 tenants that have most.",
        labels: ["tenant"]))
  }

  /// Works until cancelled.
  package func run() async {
    while !Task.isCancelled {
      do {
        let found = try await store.tenantActivity(rowsMax: TenantActivityJob.rowsMax)
        runs.set(found.map { ("\($0.tenant)", $0.runs) })
        ready.set(found.map { ("\($0.tenant)", $0.ready) })
        try await EventLoop.sleep(for: TenantActivityJob.interval)
      } catch is CancellationError {
        return
      } catch {
        logger.warning("the activity of tenants could not be measured", ["reason": .string("\(error)")])
        do { try await EventLoop.sleep(for: TenantActivityJob.interval) } catch { return }
      }
    }
  }
}
