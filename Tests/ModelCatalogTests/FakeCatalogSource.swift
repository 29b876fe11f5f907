import ModelCatalog
import Primitives
import Routing
import Settings
import Synchronization
import SystemSources

/// Tables in memory. Each reading waits until it is released when `isHeld` is set.
final class FakeCatalogSource: CatalogSource {
  struct Failure: Error {}

  private struct State {
    var rows = CatalogRows()
    var refused: [RefusedTenant] = []
    var revoked: [RevokedKeyRow] = []
    var revokedSince: [Timestamp?] = []
    var fails = false
    var notifications = 0
    var readings = 0
    var held: [CheckedContinuation<CatalogRows, Never>] = []
    var isHeld = false
    var isStopped = false
  }

  private let state = Mutex(State())
  private let (changes, changed) = AsyncStream<Void>.makeStream()

  func set(_ rows: CatalogRows) { state.withLock { $0.rows = rows } }
  func fail(_ fails: Bool) { state.withLock { $0.fails = fails } }
  func refuse(_ refused: [RefusedTenant]) { state.withLock { $0.refused = refused } }
  func revoke(_ revoked: [RevokedKeyRow]) { state.withLock { $0.revoked = revoked } }
  func hold() { state.withLock { $0.isHeld = true } }
  func change() { changed.yield() }

  var notifications: Int { state.withLock { $0.notifications } }
  /// How often everything was read.
  var readings: Int { state.withLock { $0.readings } }
  /// Since when revoked keys were asked for.
  var revokedSince: [Timestamp?] { state.withLock { $0.revokedSince } }
  var heldCount: Int { state.withLock { $0.held.count } }
  var isStopped: Bool { state.withLock { $0.isStopped } }

  /// Lets the reading that began as number `index` of those held see `rows`.
  func release(_ index: Int, _ rows: CatalogRows) { state.withLock { $0.held[index] }.resume(returning: rows) }

  func read() async throws -> CatalogRows {
    let (rows, fails, isHeld) = state.withLock { state in
      state.readings += 1
      return (state.rows, state.fails, state.isHeld)
    }
    if fails { throw Failure() }
    guard isHeld else { return rows }
    return await withCheckedContinuation { continuation in state.withLock { $0.held.append(continuation) } }
  }

  func revokedKeys(since time: Timestamp?) async throws -> [RevokedKeyRow] {
    let (revoked, fails) = state.withLock { state in
      state.revokedSince.append(time)
      return (state.revoked, state.fails)
    }
    if fails { throw Failure() }
    return revoked
  }

  func refusedTenants() async throws -> [RefusedTenant] {
    let (refused, fails) = state.withLock { ($0.refused, $0.fails) }
    if fails { throw Failure() }
    return refused
  }

  func notify() async throws { state.withLock { $0.notifications += 1 } }
  func follow(_ changed: @Sendable () async -> Void) async { for await _ in changes { await changed() } }
  func stop() {
    state.withLock { $0.isStopped = true }
    changed.finish()
  }
}

extension CatalogRows {
  /// Rows with a provider and a model of the same name each.
  static func with(_ names: String...) -> CatalogRows {
    CatalogRows(providers: names.map { .named($0) }, models: names.map { .named($0, at: $0) })
  }
}

extension ProviderRow {
  static func named(_ name: String, url: String = "http://127.0.0.1:1/v1", isEnabled: Bool = true) -> ProviderRow {
    ProviderRow(
      id: UUID.version7(),
      record: ProviderRecord(name: name, kind: .compatible, baseURL: url, isEnabled: isEnabled), version: 1,
      createdAt: Timestamp(unixMicroseconds: 0), updatedAt: Timestamp(unixMicroseconds: 0))
  }
}

extension ModelRow {
  static func named(_ name: String, at provider: String, isEnabled: Bool = true) -> ModelRow {
    ModelRow(
      target: ModelTarget(provider: provider, name: name, providerModel: name), priceAsOf: nil, isEnabled: isEnabled,
      version: 1, createdAt: Timestamp(unixMicroseconds: 0), updatedAt: Timestamp(unixMicroseconds: 0), priority: nil,
      weight: nil)
  }
}
