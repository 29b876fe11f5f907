internal import Budgets
internal import Checks
internal import JSON
internal import Postgres
internal import Pricing
internal import Primitives
internal import Reactor
internal import Routing
internal import Settings
internal import Synchronization
internal import SystemSources
internal import Telemetry

/// Keeps the snapshot: what the configuration declares, under what the tables say. Changes of any replica are heard at
/// once; every half minute everything is read again, so that keys in files may be exchanged.
final class CatalogKeeper: Sendable {
  static let channel = "llm_router_catalog"
  private static let interval = Duration.seconds(30)

  let providers: ProviderStore
  let models: ModelStore
  let aliases: AliasStore
  let budgets: BudgetStore
  let rateLimits: RateLimitStore
  let keyFolder: String
  let prices: PriceTable
  /// Providers of the configuration with their models; those of the tables take their place when they have their names.
  let declared: [(provider: ProviderRecord, models: [ModelTarget])]
  private let standard: String
  private let logger: Logger
  private let listener: PostgresListener
  private let pool: PostgresPool
  private struct State {
    var snapshot = CatalogSnapshot.empty
    /// Readings that have begun, and the latest of those whose snapshot is in place.
    var begun = 0
    var placed = 0
  }

  private let state = Mutex(State())
  let revokedKeys = RevokedKeys()

  init(
    pool: PostgresPool, declared: [(provider: ProviderRecord, models: [ModelTarget])], standard: String,
    keyFolder: String, prices: PriceTable, logger: Logger
  ) {
    self.pool = pool
    providers = ProviderStore(pool: pool)
    models = ModelStore(pool: pool)
    aliases = AliasStore(pool: pool)
    budgets = BudgetStore(pool: pool)
    rateLimits = RateLimitStore(pool: pool)
    self.declared = declared
    self.standard = standard
    self.keyFolder = keyFolder
    self.prices = prices
    self.logger = logger
    listener = PostgresListener(pool: pool, channel: CatalogKeeper.channel)
  }

  var current: CatalogSnapshot { state.withLock { $0.snapshot } }

  /// Reads everything. Throws `PostgresError`; the old snapshot then stays.
  func reload() async throws {
    let reading = state.withLock { state in
      state.begun += 1
      return state.begun
    }
    let rows = try await providers.all()
    let modelRows = try await models.all()
    let aliasRows = try await aliases.all()
    let allBudgets = try await budgets.all()
    let allLimits = try await rateLimits.all()
    revokedKeys.add(try await budgets.revoked(since: revokedKeys.readUntil), now: WallClock.now())
    let inTables = Set(rows.map(\.record.name))
    var ready: [String: Provider] = [:]
    for record in rows.map(\.record) + declared.map(\.provider).filter({ !inTables.contains($0.name) })
    where record.isEnabled {
      do { ready[record.name] = try Provider(record, keyFolder: keyFolder) } catch {
        logger.warning("a provider has no usable base URL", ["provider": .string(record.name)])
      }
    }
    var targets = declared.filter { !inTables.contains($0.provider.name) }.flatMap(\.models)
    targets += modelRows.filter(\.isEnabled).map(\.target).filter { ready[$0.provider] != nil }
    targets = targets.map { filled($0, ready[$0.provider]?.kind) }
    let snapshot = CatalogSnapshot(
      providers: ready,
      table: RouteTable(
        targets: targets, aliases: Dictionary(aliasRows.map { ($0.name, $0.rule) }) { $1 }, standard: standard),
      checks: checks(aliasRows),
      budgets: Dictionary(grouping: allBudgets) { $0.tenant },
      rateLimits: Dictionary(grouping: allLimits) { $0.tenant },
      unpriced: targets.count { $0.price == nil })
    // A reading that began later has seen more, whichever ends first.
    state.withLock { state in
      guard reading > state.placed else { return }
      state.placed = reading
      state.snapshot = snapshot
    }
  }

  /// A model with what the price table knows and nobody has declared.
  func filled(_ target: ModelTarget, _ kind: ProviderKind?) -> ModelTarget {
    guard let kind, let entry = prices.find(kind: kind.rawValue, model: target.providerModel) else { return target }
    var target = target
    target.price = target.price ?? entry.price
    target.contextTokens = target.contextTokens ?? entry.contextTokens
    target.outputTokensMax = target.outputTokensMax ?? entry.outputTokensMax
    target.capabilities = target.capabilities ?? Set(entry.capabilities.compactMap { Capability(rawValue: $0) })
    return target
  }

  private func checks(_ rows: [AliasRow]) -> [String: AnswerCheck] {
    var checks: [String: AnswerCheck] = [:]
    for row in rows {
      guard let text = row.check, let root = try? JSONDocument(parsing: text).root else { continue }
      do { checks[row.name] = try AnswerCheck(root) } catch {
        logger.error("the check of an alias is not understood", ["alias": .string(row.name)])
      }
    }
    return checks
  }

  /// Tells all replicas of a change and takes it over here.
  func changed() async throws {
    try await reload()
    _ = try await pool.query("select pg_notify($1, '')", [CatalogKeeper.channel])
  }

  /// Follows changes until the task is cancelled.
  func run() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { [self] in
        for await _ in listener.notifications() { await reloadOrWarn() }
      }
      group.addTask { [self] in
        while !Task.isCancelled {
          do { try await EventLoop.sleep(for: CatalogKeeper.interval) } catch { break }
          await reloadOrWarn()
        }
        listener.stop()
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
