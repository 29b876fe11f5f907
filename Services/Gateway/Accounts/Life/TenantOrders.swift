internal import Contracts
internal import Primitives
internal import Reactor
internal import Synchronization
package import Telemetry
package import Tenancy

/// Has every service follow what the table of tenants says: suspensions, their ends, deletions. What there is to do
/// stands in the table. Each gateway looks there once a second, so that an order survives a service that is away and a
/// gateway that ends.
package final class TenantOrders: Sendable {
  private static let interval = Duration.seconds(1)
  /// Tenants of one round.
  private static let tenantsMax = 16

  let store: TenantStore
  let services: any TenantServices
  let deletion: TenantDeletion
  let audit: (any TenantAuditing)?
  private let logger: Logger
  private let orders: CounterFamily
  private let unconfirmed = Atomic<Int64>(0)

  /// Makes the job. `deletion` is that of the gateway's own rows.
  package init(
    store: TenantStore, services: any TenantServices, deletion: TenantDeletion, audit: (any TenantAuditing)?,
    telemetry: Telemetry
  ) {
    self.store = store
    self.services = services
    self.deletion = deletion
    self.audit = audit
    logger = telemetry.logger
    orders = telemetry.registry.counter(
      "cadre_gateway_tenant_orders_total",
      help: "Questions to services about suspended, resumed and deleted tenants, by outcome.",
      labels: ["service", "outcome"])
    telemetry.registry.observeGauge(
      "cadre_gateway_tenants_unconfirmed",
      help: "Tenants whose suspension, resumption or deletion some service has not carried out yet."
    ) { [weak self] in Double(self?.unconfirmed.load(ordering: .relaxed) ?? 0) }
  }

  /// Works until the task is cancelled.
  package func run() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { [deletion] in await deletion.run() }
      group.addTask { [self] in
        while !Task.isCancelled {
          do { try await round() } catch is CancellationError { return } catch {
            logger.warning("orders about tenants could not be read", ["reason": .string("\(error)")])
          }
          do { try await EventLoop.sleep(for: TenantOrders.interval) } catch { return }
        }
      }
    }
  }

  /// One round.
  package func round() async throws {
    for tenant in try await store.claim(limit: TenantOrders.tenantsMax) {
      try Task.checkCancellation()
      try await perform(tenant)
      if tenant.state == .deleting { try await finish(tenant) }
    }
    unconfirmed.store(try await store.unconfirmedCount(), ordering: .relaxed)
  }

  /// Asks the services that do not follow the state of a tenant yet, all at once, and notes what came of it.
  func perform(_ tenant: Tenant) async throws {
    let known = try await store.progress(tenant.id)
    let outcomes = await withTaskGroup(of: TenantOutcome.self) { [services] group in
      for name in services.names {
        let progress = known.first { $0.service == name }
        let isConfirmed = (progress?.confirmedVersion ?? 0) >= tenant.version
        guard !isConfirmed || (tenant.state == .deleting && progress?.report.deletedAt == nil) else { continue }
        let order = TenantOrder(
          tenant: tenant.id, state: tenant.state, version: tenant.version, isConfirmed: isConfirmed)
        group.addTask {
          do {
            return TenantOutcome(service: name, result: .success(try await services.apply(order, at: name)))
          } catch { return TenantOutcome(service: name, result: .failure(error)) }
        }
      }
      return await group.reduce(into: [TenantOutcome]()) { $0.append($1) }
    }
    for outcome in outcomes { count(outcome, tenant, known) }
    try await store.note(tenant, outcomes, of: services.names)
  }

  private func count(_ outcome: TenantOutcome, _ tenant: Tenant, _ known: [TenantProgress]) {
    switch outcome.result {
    case .success: orders.with(outcome.service, "confirmed").add()
    case .failure(let error):
      orders.with(outcome.service, "failed").add()
      // Once, not every second.
      guard known.first(where: { $0.service == outcome.service })?.failure == nil else { return }
      logger.warning(
        "a service does not follow the state of a tenant yet; it is asked again",
        [
          "service": .string(outcome.service), "tenant": .string("\(tenant.id)"), "reason": .string("\(error)"),
        ])
    }
  }

  /// Ends a deletion when neither the services nor the gateway have anything left.
  private func finish(_ tenant: Tenant) async throws {
    let progress = try await store.progress(tenant.id)
    let isDone = services.names.allSatisfy { name in
      progress.contains { $0.service == name && $0.report.deletedAt != nil }
    }
    guard isDone, try await deletion.states.state(tenant.id.uuid)?.deletedAt != nil,
      try await deletion.counts(tenant.id.uuid).allSatisfy({ $0.count == 0 })
    else { return }
    // First: an end that was noted and then lost its process is found again.
    try await audit?.end(deletionOf: tenant.id)
    try await store.end(tenant.id)
    logger.info("nothing is left of a tenant", ["tenant": .string("\(tenant.id)")])
  }
}
