internal import Telemetry

/// Counts what is admitted and what is refused.
final class TrafficMetrics: Sendable {
  /// What became of a request.
  enum Outcome: String, Sendable, CaseIterable {
    case admitted
    /// A rate of a credential or tenant.
    case rate
    /// Too many at a time.
    case inFlight = "in_flight"
    /// A limit of a client address.
    case address
    /// The replica is saturated.
    case shed
  }

  private let requests: [RouteClass: [Outcome: Counter]]
  private let shed: [ShedPriority: [LoadState.Reason: Counter]]
  let storeFailures: Counter
  let waits: Counter

  init(_ registry: MetricsRegistry) {
    let requests = registry.counter(
      "cadre_gateway_requests_total", help: "Requests of the gateway by class and what the limits made of them.",
      labels: ["class", "outcome"])
    let shed = registry.counter(
      "cadre_gateway_shed_total", help: "Requests refused because the replica is saturated, by priority and reason.",
      labels: ["priority", "reason"])
    storeFailures = registry.counter(
      "cadre_gateway_limit_store_failures_total", help: "Calls of Redis for limits that failed.")
    waits = registry.counter(
      "cadre_gateway_limit_waits_total", help: "Requests that waited for Redis because no token was lent ahead.")
    self.requests = Dictionary(
      uniqueKeysWithValues: RouteClass.allCases.map { kind in
        (
          kind,
          Dictionary(uniqueKeysWithValues: Outcome.allCases.map { ($0, requests.with(kind.rawValue, $0.rawValue)) })
        )
      })
    self.shed = Dictionary(
      uniqueKeysWithValues: ShedPriority.allCases.map { priority in
        (
          priority,
          Dictionary(
            uniqueKeysWithValues: LoadState.Reason.allCases.map { ($0, shed.with(priority.name, $0.rawValue)) })
        )
      })
  }

  func count(_ kind: RouteClass, _ outcome: Outcome) { requests[kind]?[outcome]?.add() }

  func count(_ priority: ShedPriority, _ reason: LoadState.Reason) { shed[priority]?[reason]?.add() }

  /// Reads what is measured at the moment when it is asked for.
  func observe(
    _ registry: MetricsRegistry, fallback: @escaping @Sendable () -> Bool,
    inFlight: @escaping @Sendable (_ isLong: Bool) -> Int
  ) {
    registry.observeGauge(
      "cadre_gateway_limit_fallback", help: "1 while limits are those of this replica alone: Redis is away."
    ) { fallback() ? 1 : 0 }
    for (kind, isLong) in [("short", false), ("long", true)] {
      registry.observeGauge(
        "cadre_gateway_in_flight", help: "Requests under way; long ones are streams and calls of models.",
        labels: [("kind", kind)]
      ) { Double(inFlight(isLong)) }
    }
  }
}
