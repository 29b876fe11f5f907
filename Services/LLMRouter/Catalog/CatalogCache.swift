internal import Primitives
internal import Reactor
internal import Synchronization
internal import SystemSources
package import Telemetry

/// The catalog in memory: what the configuration declares, under what the tables say. It is read again when a replica
/// notifies of a change, and every half minute, so that keys in files may be exchanged. Tenants that are refused and
/// keys that were revoked are looked at every second.
package final class CatalogCache: Sendable {
  private static let interval = Duration.seconds(30)
  /// Between two looks at who is refused, so that a suspension or a revocation holds soon without its notification.
  private static let refusalsInterval = Duration.seconds(1)

  private struct State {
    var snapshot = CatalogSnapshot.empty
    /// Readings that have begun, and the latest of those whose snapshot is in place.
    var begun = 0
    var placed = 0
  }

  /// What the configuration says.
  package let configuration: CatalogConfiguration
  /// The virtual keys that were revoked.
  package let revokedKeys = RevokedKeys()
  /// Tenants for which nothing is asked of a provider.
  package let refusedTenants = RefusedTenants()
  private let source: any CatalogSource
  private let sleep: @Sendable (Duration) async throws -> Void
  private let logger: Logger
  private let state = Mutex(State())

  /// An empty catalog; `reload` fills it.
  package init(
    source: any CatalogSource, configuration: CatalogConfiguration, logger: Logger,
    sleep: @escaping @Sendable (Duration) async throws -> Void = { try await EventLoop.sleep(for: $0) }
  ) {
    self.source = source
    self.configuration = configuration
    self.logger = logger
    self.sleep = sleep
  }

  /// The latest snapshot.
  package var current: CatalogSnapshot { state.withLock { $0.snapshot } }

  /// Reads everything. Throws what the source throws; the old snapshot then stays.
  package func reload() async throws {
    let reading = state.withLock { state in
      state.begun += 1
      return state.begun
    }
    // First: they are few, and whoever is refused does not wait for the rest.
    try await refreshRefusals()
    let rows = try await source.read()
    let snapshot = configuration.snapshot(of: rows) { warning in
      switch warning {
      case .unusableBaseURL(let provider):
        logger.warning("a provider has no usable base URL", ["provider": .string(provider)])
      case .unreadableCheck(let alias):
        logger.error("the check of an alias is not understood", ["alias": .string(alias)])
      }
    }
    // A reading that began later has seen more, whichever ends first.
    state.withLock { state in
      guard reading > state.placed else { return }
      state.placed = reading
      state.snapshot = snapshot
    }
  }

  private func refreshRefusals() async throws {
    try await refusedTenants.refresh { try await source.refusedTenants() }
    let revoked = try await source.revokedKeys(since: revokedKeys.readUntil)
    revokedKeys.add(revoked, now: WallClock.now())
  }

  /// Takes a change over here and notifies all replicas of it.
  package func changed() async throws {
    try await reload()
    try await source.notify()
  }

  /// Follows changes until the task is cancelled.
  package func run() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { [self] in await source.follow { await self.reloadOrWarn() } }
      group.addTask { [self] in
        while !Task.isCancelled {
          do { try await sleep(CatalogCache.interval) } catch { break }
          await reloadOrWarn()
        }
        source.stop()
      }
      group.addTask { [self] in
        while !Task.isCancelled {
          do { try await sleep(CatalogCache.refusalsInterval) } catch { break }
          // While the database is away nobody is refused anew; the reading of the catalog says so in the log.
          try? await refreshRefusals()
        }
      }
    }
  }

  private func reloadOrWarn() async {
    do { try await reload() } catch is CancellationError {
      return
    } catch {
      logger.warning("the catalog could not be read; the last one stays", ["reason": .string("\(error)")])
    }
  }
}
