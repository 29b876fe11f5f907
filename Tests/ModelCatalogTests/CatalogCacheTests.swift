import ModelCatalog
import Pricing
import Primitives
import Routing
import Synchronization
import SystemSources
import Telemetry
import Testing

@Suite("Catalog cache")
struct CatalogCacheTests {
  private let source = FakeCatalogSource()

  private func cache(
    declared: [DeclaredProvider] = [], prices: PriceTable = PriceTable(),
    sleep: @escaping @Sendable (Duration) async throws -> Void = { _ in throw CancellationError() }
  ) throws -> CatalogCache {
    CatalogCache(
      source: source,
      configuration: CatalogConfiguration(
        declared: declared, defaultModel: "", keyFolder: "", prices: prices),
      logger: Telemetry.disabled().logger, sleep: sleep)
  }

  private func declared(_ name: String, model: String) -> DeclaredProvider {
    DeclaredProvider(
      provider: ProviderRecord(name: name, kind: .openai, baseURL: "http://127.0.0.1:1/v1"),
      models: [ModelTarget(provider: name, name: model, providerModel: model)])
  }

  @Test func `a row replaces the declared provider of its name, with its models`() async throws {
    let cache = try cache(declared: [declared("a", model: "old"), declared("b", model: "kept")])
    source.set(CatalogRows(providers: [.named("a")], models: [.named("new", at: "a")]))
    try await cache.reload()
    #expect(cache.current.table.models.sorted() == ["kept", "new"])
    #expect(cache.current.providers["a"]?.kind == .compatible)
    #expect(cache.current.providers["b"]?.kind == .openai)
  }

  @Test func `what is disabled or has no usable address is no target`() async throws {
    let cache = try cache()
    source.set(
      CatalogRows(
        providers: [.named("a"), .named("off", isEnabled: false), .named("broken", url: "no address")],
        models: [
          .named("one", at: "a"), .named("two", at: "a", isEnabled: false), .named("three", at: "off"),
          .named("four", at: "broken"),
        ]))
    try await cache.reload()
    #expect(cache.current.table.models == ["one"])
    #expect(cache.current.providers.keys.sorted() == ["a"])
  }

  @Test func `the price table completes what is not declared, and the rest counts as unpriced`() async throws {
    let head =
      "kind,model,input,output,cache_read,cache_write,cache_write_1h,context,output_max,capabilities,"
      + "long_above,long_input,long_output,long_cache_read\n"
    let cache = try cache(
      declared: [declared("a", model: "known"), declared("b", model: "unknown")],
      prices: try PriceTable(csv: head + "openai,known,1,2,,,,1000,100,tools\n"))
    try await cache.reload()
    let target = cache.current.table.target("known")
    #expect(target?.price?.output == 2_000_000)
    #expect(target?.contextTokens == 1000 && target?.capabilities == [.tools])
    #expect(cache.current.unpriced == 1)
  }

  @Test func `a reading that began earlier and ends later changes nothing`() async throws {
    let cache = try cache()
    source.hold()
    async let first: Void = cache.reload()
    while source.heldCount < 1 { await Task.yield() }
    async let second: Void = cache.reload()
    while source.heldCount < 2 { await Task.yield() }
    source.release(1, .with("new"))
    try await second
    source.release(0, .with("old"))
    try await first
    #expect(cache.current.table.models == ["new"])
  }

  @Test func `when the tables cannot be read the last snapshot stays`() async throws {
    let cache = try cache()
    source.set(.with("a"))
    try await cache.reload()
    source.fail(true)
    await #expect(throws: FakeCatalogSource.Failure.self) { try await cache.reload() }
    #expect(cache.current.table.models == ["a"])
  }

  @Test func `a change is taken over here before the replicas are notified of it`() async throws {
    let cache = try cache()
    source.set(.with("a"))
    try await cache.changed()
    #expect(cache.current.table.models == ["a"])
    #expect(source.notifications == 1)
    source.fail(true)
    await #expect(throws: FakeCatalogSource.Failure.self) { try await cache.changed() }
    #expect(source.notifications == 1)
  }

  @Test func `revoked keys are read from the latest row on, and forgotten when they have expired`() async throws {
    let cache = try cache()
    let now = WallClock.now()
    let (lasting, expired) = (
      RevokedKey(tenant: UUID.version7(), id: UUID.version7()), RevokedKey(tenant: UUID.version7(), id: UUID.version7())
    )
    source.revoke([
      RevokedKeyRow(key: lasting, expiresAt: now + .seconds(3600), revokedAt: now),
      RevokedKeyRow(key: expired, expiresAt: now + .seconds(-1), revokedAt: now + .seconds(-10)),
    ])
    try await cache.reload()
    try await cache.reload()
    #expect(cache.revokedKeys.contains(lasting) && !cache.revokedKeys.contains(expired))
    #expect(source.revokedSince == [nil, now])
  }

  @Test func `the catalog is read again at each interval and each notification, and stops when it is cancelled`()
    async throws
  {
    let intervals = Mutex(0)
    let (ticks, tick) = AsyncStream<Void>.makeStream()
    let cache = try cache(sleep: { interval in
      // Only the reading of the whole catalog is looked at.
      guard interval > .seconds(1) else { throw CancellationError() }
      intervals.withLock { $0 += 1 }
      for await _ in ticks { return }
      throw CancellationError()
    })
    let running = Task { await cache.run() }
    source.set(.with("a"))
    source.change()
    while cache.current.table.models != ["a"] { await Task.yield() }
    source.set(.with("b"))
    tick.yield()
    while cache.current.table.models != ["b"] { await Task.yield() }
    tick.finish()
    await running.value
    #expect(source.isStopped)
    #expect(intervals.withLock { $0 } == 2)
  }

  @Test func `who is suspended or revoked is refused with the next reading, and without a notification soon`()
    async throws
  {
    let (ticks, tick) = AsyncStream<Void>.makeStream()
    let cache = try cache(sleep: { interval in
      guard interval <= .seconds(1) else { throw CancellationError() }
      for await _ in ticks { return }
      throw CancellationError()
    })
    let (one, other) = (UUID.version7(), UUID.version7())
    source.refuse([RefusedTenant(one, .suspended), RefusedTenant(other, .deleted)])
    try await cache.reload()
    #expect(cache.refusedTenants.reason(one) == .suspended && cache.refusedTenants.reason(other) == .deleted)
    let running = Task { await cache.run() }
    let readings = source.readings
    source.refuse([RefusedTenant(other, .suspended)])
    tick.yield()
    while cache.refusedTenants.reason(one) != nil { await Task.yield() }
    #expect(cache.refusedTenants.reason(other) == .suspended && source.readings == readings)
    let (key, now) = (RevokedKey(tenant: one, id: UUID.version7()), WallClock.now())
    source.revoke([RevokedKeyRow(key: key, expiresAt: now + .seconds(3600), revokedAt: now)])
    tick.yield()
    while !cache.revokedKeys.contains(key) { await Task.yield() }
    #expect(source.readings == readings)
    tick.finish()
    source.stop()
    await running.value
  }

  @Test func `a reading of refused tenants that began later counts, whichever ends first`() async throws {
    let tenants = RefusedTenants()
    let tenant = UUID.version7()
    try await tenants.refresh {
      try await tenants.refresh { [] }
      return [RefusedTenant(tenant, .suspended)]
    }
    #expect(tenants.reason(tenant) == nil)
  }
}
