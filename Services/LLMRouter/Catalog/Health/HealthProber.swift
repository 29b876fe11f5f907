package import Primitives
internal import Reactor
internal import Synchronization
internal import SystemSources
package import Telemetry

/// Probes each provider from time to time: one that does not answer is left out of routes before a call has found that
/// out, and comes back by itself.
package final class HealthProber: Sendable {
  /// The latest probe of a provider.
  package struct Result: Sendable {
    /// Whether it answered.
    package var isUp: Bool
    /// When the probe ended.
    package var at: Timestamp
    /// How long it took.
    package var microseconds: Int64
    /// What is wrong, in a few words.
    package var fault: String?
  }

  /// What the prober uses of the world.
  package struct Environment: Sendable {
    /// The providers of the moment.
    package var providers: @Sendable () -> [Provider]
    /// Probes one of them. Throws `CancellationError` only.
    package var probe: @Sendable (Provider) async throws -> ProviderProbe.Outcome
    /// Waits between two rounds. Throws when the prober is to target.
    package var sleep: @Sendable (Duration) async throws -> Void

    /// An environment.
    package init(
      providers: @escaping @Sendable () -> [Provider],
      probe: @escaping @Sendable (Provider) async throws -> ProviderProbe.Outcome,
      sleep: @escaping @Sendable (Duration) async throws -> Void = { try await EventLoop.sleep(for: $0) }
    ) {
      self.providers = providers
      self.probe = probe
      self.sleep = sleep
    }
  }

  /// Probes at the same time.
  private static let concurrencyMax = 8

  private struct State {
    var results: [String: Result] = [:]
    var history = ProbeHistory()
  }

  /// What is known, for the prober and for scrapes.
  private final class Known: Sendable {
    let value = Mutex(State())
  }

  private let environment: Environment
  private let health: HealthRegistry
  private let interval: Duration
  private let logger: Logger
  private let state = Known()

  /// A prober; without an interval it probes nothing.
  package init(
    _ environment: Environment, health: HealthRegistry, interval: Duration, registry: MetricsRegistry, logger: Logger
  ) {
    self.environment = environment
    self.health = health
    self.interval = interval
    self.logger = logger
    let up = registry.gauge(
      "cadre_provider_up", help: "Whether a provider answered when it was last asked for its models.",
      labels: ["provider"])
    let open = registry.gauge(
      "cadre_provider_breakers_open",
      help: "Circuit breakers of a provider, one for each model and key, that are open.",
      labels: ["provider"])
    // Read anew for each scrape: of a provider that was removed nothing is left that an alert would stand on.
    registry.beforeScrape { [state] in
      let names = environment.providers().map(\.name).sorted()
      let results = state.value.withLock { $0.results }
      let breakers = health.openBreakers()
      up.replace(names.compactMap { name in results[name].map { ([name], $0.isUp ? 1 : 0) } })
      open.replace(names.map { ([$0], Int64(breakers[$0] ?? 0)) })
    }
  }

  /// The latest probe of a provider; nil before the first.
  package func result(of provider: String) -> Result? { state.value.withLock { $0.results[provider] } }

  /// Probes until the task is cancelled.
  package func run() async {
    guard interval > .zero else { return }
    while !Task.isCancelled {
      await probeAll()
      do { try await environment.sleep(interval) } catch { return }
    }
  }

  /// Probes each provider once.
  package func probeAll() async {
    let providers = environment.providers().sorted { $0.name < $1.name }
    forget(allBut: Set(providers.map(\.name)))
    var start = 0
    while start < providers.count {
      let batch = providers[start..<min(providers.count, start + HealthProber.concurrencyMax)]
      await withTaskGroup(of: Void.self) { group in
        for provider in batch { group.addTask { await self.probe(provider) } }
      }
      start += HealthProber.concurrencyMax
    }
  }

  /// Providers that were removed are forgotten: one that gets the name later begins anew.
  private func forget(allBut providers: Set<String>) {
    let gone = state.value.withLock { state -> [String] in
      let gone = state.results.keys.filter { !providers.contains($0) }
      for name in gone { state.results[name] = nil }
      state.history.keep(providers)
      return gone
    }
    for name in gone { health.block(provider: name, false) }
  }

  private func probe(_ provider: Provider) async {
    let begin = MonotonicClock.now()
    guard let outcome = try? await environment.probe(provider) else { return }
    let (isUp, fault): (Bool, String?) =
      switch outcome {
      case .up: (true, nil)
      case .impaired(let fault): (true, fault)
      case .down(let fault): (false, fault)
      }
    let name = provider.name
    let result = Result(
      isUp: isUp, at: WallClock.now(), microseconds: Int64((MonotonicClock.now() &- begin) / 1000), fault: fault)
    let change = state.value.withLock { state in
      state.results[name] = result
      return state.history.record(name, isUp: isUp)
    }
    health.block(provider: name, change.isBlocked)
    if outcome == .up { health.reachable(provider: name) }
    guard change.isNew else { return }
    logger.warning(
      change.isBlocked ? "a provider is passed over" : "a provider is back",
      ["provider": .string(name), "cause": .string(fault ?? "it answers")])
  }
}
