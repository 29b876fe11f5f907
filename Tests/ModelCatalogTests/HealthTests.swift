import ModelCatalog
import Routing
import Synchronization
import Telemetry
import Testing

/// A clock that stands still until it is moved.
final class ManualClock: Sendable {
  private let milliseconds = Mutex<Int64>(0)
  var now: Int64 { milliseconds.withLock { $0 } }
  func advance(_ by: Int64) { milliseconds.withLock { $0 += by } }
}

@Suite("Health registry")
struct HealthRegistryTests {
  private let clock = ManualClock()
  private let target = TargetID(provider: "p", model: "m")

  private func registry(failures: Int = 1) -> HealthRegistry {
    let clock = clock
    return HealthRegistry(
      policy: CircuitBreaker.Policy(failuresInRow: failures, coolMilliseconds: 1000), now: { clock.now })
  }

  @Test func `an open breaker moves the call to the next key, and opens the target with the last one`() throws {
    let registry = registry()
    let first = try #require(registry.admit(target, keys: 2, from: 0, force: false))
    #expect(first.key == 0)
    #expect(registry.failed(first, .provider, retryAfter: nil))
    let second = try #require(registry.admit(target, keys: 2, from: 0, force: false))
    #expect(second.key == 1)
    #expect(!registry.health(target, keys: 2).isOpen)
    registry.failed(second, .provider, retryAfter: nil)
    #expect(registry.health(target, keys: 2).isOpen)
    #expect(registry.admit(target, keys: 2, from: 0, force: false) == nil)
    #expect(registry.admit(target, keys: 2, from: 1, force: true)?.key == 1)
  }

  @Test func `after its time one probe passes, and its first token closes the breaker`() throws {
    let registry = registry()
    let key = try #require(registry.admit(target, keys: 1, from: 0, force: false))
    registry.failed(key, .provider, retryAfter: nil)
    clock.advance(1000)
    let probe = try #require(registry.admit(target, keys: 1, from: 0, force: false))
    #expect(registry.admit(target, keys: 1, from: 0, force: false) == nil)
    registry.answering(probe)
    #expect(registry.admit(target, keys: 1, from: 0, force: false) != nil)
    #expect(registry.unhealthy().isEmpty)
  }

  @Test func `calls in flight are counted until their end, however they end`() throws {
    let registry = registry(failures: 10)
    let keys = try (0..<3).map { _ in try #require(registry.admit(target, keys: 1, from: 0, force: false)) }
    #expect(registry.health(target, keys: 1).inFlight == 3)
    registry.succeeded(keys[0], firstTokenMicroseconds: 1000)
    registry.failed(keys[1], .provider, retryAfter: nil)
    registry.released(keys[2])
    #expect(registry.health(target, keys: 1).inFlight == 0)
    #expect(registry.health(target, keys: 1).firstTokenMicroseconds == 1000)
  }

  @Test func `a blocked provider admits only what is forced`() {
    let registry = registry()
    registry.block(provider: "p", true)
    #expect(registry.health(target, keys: 1).isOpen)
    #expect(registry.admit(target, keys: 1, from: 0, force: false) == nil)
    #expect(registry.admit(target, keys: 1, from: 0, force: true) != nil)
    registry.block(provider: "p", false)
    #expect(registry.admit(target, keys: 1, from: 0, force: false) != nil)
  }

  @Test func `a fifth of the calls is hedged`() {
    let registry = registry()
    var hedged = 0
    for _ in 0..<1000 {
      registry.noteHedgeable()
      if registry.mayHedge() { hedged += 1 }
    }
    #expect((150...260).contains(hedged), "\(hedged)")
  }
}

@Suite("Health probes")
struct HealthProberTests {
  /// Providers whose next outcomes are given.
  private final class Script: Sendable {
    let outcomes: Mutex<[String: [ProviderProbe.Outcome]]>
    init(_ outcomes: [String: [ProviderProbe.Outcome]]) { self.outcomes = Mutex(outcomes) }

    func next(_ name: String) throws -> ProviderProbe.Outcome {
      try outcomes.withLock { outcomes in
        guard var rest = outcomes[name], !rest.isEmpty else { throw CancellationError() }
        defer { outcomes[name] = rest }
        return rest.removeFirst()
      }
    }
  }

  private let health = HealthRegistry(policy: CircuitBreaker.Policy(failuresInRow: 1), now: { 0 })

  private func prober(
    _ outcomes: [String: [ProviderProbe.Outcome]], interval: Duration = .seconds(1),
    sleep: @escaping @Sendable (Duration) async throws -> Void = { _ in throw CancellationError() }
  ) throws -> HealthProber {
    let providers = try outcomes.keys.map { try Provider(ProviderRow.named($0).record, keyFolder: "") }
    let script = Script(outcomes)
    return HealthProber(
      HealthProber.Environment(providers: { providers }, probe: { try script.next($0.name) }, sleep: sleep),
      health: health, interval: interval, registry: MetricsRegistry(), logger: Telemetry.disabled().logger)
  }

  private func isOpen(_ provider: String) -> Bool {
    health.health(TargetID(provider: provider, model: "m"), keys: 1).isOpen
  }

  @Test func `a provider is blocked after two failures in a row and comes back with one success`() async throws {
    let prober = try prober(["p": [.down("cannot be reached"), .down("answers 500"), .up]])
    await prober.probeAll()
    #expect(!isOpen("p"))
    await prober.probeAll()
    #expect(isOpen("p"))
    #expect(prober.result(of: "p")?.isUp == false)
    #expect(prober.result(of: "p")?.fault == "answers 500")
    await prober.probeAll()
    #expect(!isOpen("p"))
    #expect(prober.result(of: "p")?.fault == nil)
  }

  @Test func `of a provider that was removed no metric is left, and who gets its name begins anew`() async throws {
    let names = Mutex(["p", "q"])
    let registry = MetricsRegistry()
    let prober = HealthProber(
      HealthProber.Environment(
        providers: {
          names.withLock { $0 }.compactMap { try? Provider(ProviderRow.named($0).record, keyFolder: "") }
        },
        probe: { $0.name == "p" ? .down("cannot be reached") : .up }),
      health: health, interval: .seconds(1), registry: registry, logger: Telemetry.disabled().logger)
    func page() -> String { String(decoding: registry.render(.prometheusText), as: UTF8.self) }
    #expect(!page().contains("cadre_provider_up{"))
    let key = try #require(
      health.admit(TargetID(provider: "q", model: "m"), keys: 1, from: 0, force: false))
    health.failed(key, .money, retryAfter: nil)
    await prober.probeAll()
    await prober.probeAll()
    #expect(page().contains("cadre_provider_up{provider=\"p\"} 0\n"))
    #expect(page().contains("cadre_provider_up{provider=\"q\"} 1\n"))
    #expect(page().contains("cadre_provider_breakers_open{provider=\"p\"} 0\n"))
    #expect(page().contains("cadre_provider_breakers_open{provider=\"q\"} 1\n"))
    #expect(isOpen("p"))
    names.withLock { $0 = ["q"] }
    #expect(!page().contains("provider=\"p\""))
    await prober.probeAll()
    #expect(!isOpen("p"))
    #expect(prober.result(of: "p") == nil)
  }

  @Test func `a provider that refuses the key is there, but its breakers stay open`() async throws {
    let target = TargetID(provider: "p", model: "m")
    let key = try #require(health.admit(target, keys: 1, from: 0, force: false))
    health.failed(key, .transport, retryAfter: nil)
    let prober = try prober(["p": [.impaired("does not accept the key"), .up]])
    await prober.probeAll()
    #expect(prober.result(of: "p")?.isUp == true)
    #expect(isOpen("p"))
    await prober.probeAll()
    #expect(!isOpen("p"))
  }

  @Test func `all providers are probed, more than at the same time too, until the prober is cancelled`() async throws {
    let outcomes = Dictionary(uniqueKeysWithValues: (0..<20).map { ("p\($0)", [ProviderProbe.Outcome.up]) })
    let rounds = Mutex(0)
    let prober = try prober(
      outcomes,
      sleep: { _ in
        rounds.withLock { $0 += 1 }
        throw CancellationError()
      })
    await prober.run()
    #expect(rounds.withLock { $0 } == 1)
    for name in outcomes.keys { #expect(prober.result(of: name)?.isUp == true) }
    let never = try self.prober(["p": [.up]], interval: .zero)
    await never.run()
    #expect(never.result(of: "p") == nil)
  }

  @Test(arguments: [
    (200, ProviderProbe.Outcome.up), (404, .up), (401, .impaired("does not accept the key")),
    (403, .impaired("does not accept the key")), (500, .down("answers 500")), (529, .down("answers 529")),
  ])
  func `whoever answers is there, except with an error of the server`(
    _ status: Int, _ expected: ProviderProbe.Outcome
  ) {
    #expect(ProviderProbe.outcome(status: status) == expected)
  }
}
