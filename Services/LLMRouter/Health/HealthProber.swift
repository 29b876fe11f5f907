internal import HTTP
internal import HTTPWire
internal import Primitives
internal import Reactor
internal import Synchronization
internal import SystemSources
internal import Telemetry

/// Asks each provider from time to time for its models: one that is not there is passed over before a call has found
/// that out, and comes back by itself.
final class HealthProber: Sendable {
  /// What the last look has shown.
  struct Sight: Sendable {
    var isUp: Bool
    var at: Timestamp
    var microseconds: Int64
    /// In words, when it is not as it should be.
    var fault: String?
  }

  private static let timeout = Duration.seconds(5)
  /// Looks in vain after which a provider is passed over.
  private static let failuresMax = 2
  private static let atOnceMax = 8

  private struct State {
    var sights: [String: Sight] = [:]
    var failures: [String: Int] = [:]
  }

  private let catalog: CatalogKeeper
  private let client: HTTPClient
  private let health: HealthBook
  private let interval: Duration
  private let logger: Logger
  private let up: GaugeFamily
  private let state = Mutex(State())

  init(
    catalog: CatalogKeeper, client: HTTPClient, health: HealthBook, interval: Duration, registry: MetricsRegistry,
    logger: Logger
  ) {
    self.catalog = catalog
    self.client = client
    self.health = health
    self.interval = interval
    self.logger = logger
    up = registry.gauge(
      "cadre_provider_up", help: "Whether a provider answered when it was last asked for its models.",
      labels: ["provider"])
  }

  /// The last look at a provider.
  func sight(_ provider: String) -> Sight? { state.withLock { $0.sights[provider] } }

  /// Looks until the task is cancelled.
  func run() async {
    guard interval > .zero else { return }
    while !Task.isCancelled {
      let providers = catalog.current.providers.values.sorted { $0.name < $1.name }
      var start = 0
      while start < providers.count {
        let some = providers[start..<min(providers.count, start + HealthProber.atOnceMax)]
        await withTaskGroup(of: Void.self) { group in
          for provider in some { group.addTask { await self.look(at: provider) } }
        }
        start += HealthProber.atOnceMax
      }
      do { try await EventLoop.sleep(for: interval) } catch { return }
    }
  }

  private func look(at provider: Provider) async {
    let begin = MonotonicClock.now()
    var fault: String?
    var isUp = true
    do {
      var headers = HTTPHeaders()
      if let key = provider.keys.first { provider.authorize(&headers, key: key) }
      if provider.kind == .anthropic { headers.append("anthropic-version", "2023-06-01") }
      let answer = try await client.send(
        HTTPClientRequest(
          .get, try provider.base.appending(path: "/models"), headers: headers, timeout: HealthProber.timeout,
          pauseMax: HealthProber.timeout), peer: "provider:\(provider.name)")
      // Dropping the body ends the exchange. Whoever answers is there, even if it has no such list.
      switch answer.status.code {
      case 401, 403: fault = "does not accept the key"
      case 500...:
        fault = "answers \(answer.status.code)"
        isUp = false
      default: break
      }
    } catch is CancellationError {
      return
    } catch {
      fault = "cannot be reached"
      isUp = false
    }
    note(provider, begin, fault, isUp: isUp)
  }

  private func note(_ provider: Provider, _ begin: UInt64, _ fault: String?, isUp: Bool) {
    let name = provider.name
    let sight = Sight(
      isUp: isUp, at: WallClock.now(), microseconds: Int64((MonotonicClock.now() &- begin) / 1000), fault: fault)
    let (isDown, changed) = state.withLock { state -> (Bool, Bool) in
      let before = state.failures[name, default: 0]
      let now = isUp ? 0 : before + 1
      state.failures[name] = now
      state.sights[name] = sight
      let limit = HealthProber.failuresMax
      return (now >= limit, (before >= limit) != (now >= limit))
    }
    up.with(name).set(isUp ? 1 : 0)
    health.block(provider: name, isDown)
    if isUp, fault == nil { health.reachable(provider: name) }
    guard changed else { return }
    logger.warning(
      isDown ? "a provider is passed over" : "a provider is back",
      ["provider": .string(name), "cause": .string(fault ?? "it answers")])
  }
}
