package import Contracts
package import GatewayRequests
package import HTTP
package import Postgres
package import Primitives
internal import Reactor
internal import Synchronization
internal import SystemSources
package import Telemetry

/// Where keys and states of tenants are read from.
package protocol AccountSource: Sendable {
  /// A key; `nil` when there is none.
  func key(_ id: APIKeyID) async throws -> StoredKey?
  /// The state of a tenant; `nil` when there is none.
  func state(_ tenant: TenantID) async throws -> Tenant.State?
  /// Notes when keys were used.
  func noteUses(_ uses: [KeyUse]) async throws
}

extension AccountStorage: AccountSource {
  package func key(_ id: APIKeyID) async throws -> StoredKey? { try await keys.stored(id) }
  package func state(_ tenant: TenantID) async throws -> Tenant.State? { try await tenants.tenant(tenant)?.state }
  package func noteUses(_ uses: [KeyUse]) async throws { try await keys.noteUses(uses) }
}

/// Checks keys and tenants for requests, with what is remembered of the database for a few seconds. A change is heard
/// of at once; while changes cannot be heard of, nothing is believed for longer than a second without asking.
package final class AccountDirectory: CredentialChecking, TenantAdmitting, AccountNotifying {
  /// Keys that are remembered.
  private static let keysMax = 16_384
  /// Ids that lead to no key: a flood of them must not drive out what is good.
  private static let unknownKeysMax = 4096
  private static let tenantsMax = 16_384
  /// How long a tenant that was active is believed to be while the database does not answer: nobody can suspend it
  /// meanwhile, and the keys of the configuration do without the database.
  private static let tenantGrace = Duration.seconds(3600)
  private static let usesAtOnceMax = 500
  private static let usesInterval = Duration.seconds(5)

  private let source: any AccountSource
  private let hasher: SecretHasher
  private let listener: PostgresListener?
  private let wallClock: @Sendable () -> Timestamp
  private let metrics: AccountMetrics
  private let logger: Logger
  private let keys: FreshLookup<APIKeyID, StoredKey?>
  private let tenants: FreshLookup<TenantID, Tenant.State?>
  private let usage = Mutex(KeyUsage())
  private let watchers = Mutex<[@Sendable (AccountNotice) -> Void]>([])

  /// Makes a directory. Without a listener nothing is heard of.
  package init(
    source: any AccountSource, hasher: SecretHasher, listener: PostgresListener?, telemetry: Telemetry,
    times: FreshTimes = FreshTimes(), clock: @escaping @Sendable () -> UInt64 = { MonotonicClock.now() },
    wallClock: @escaping @Sendable () -> Timestamp = { WallClock.now() }
  ) {
    self.source = source
    self.hasher = hasher
    self.listener = listener
    self.wallClock = wallClock
    metrics = AccountMetrics(telemetry.registry)
    logger = telemetry.logger
    let isListening: @Sendable () -> Bool = { listener?.isConnected ?? false }
    var tenantTimes = times
    tenantTimes.grace = max(times.grace, AccountDirectory.tenantGrace)
    keys = FreshLookup(
      countMax: AccountDirectory.keysMax, absencesMax: AccountDirectory.unknownKeysMax, times: times, now: clock,
      isAbsence: { $0 == nil }, isListening: isListening
    ) { try await source.key($0) }
    tenants = FreshLookup(
      countMax: AccountDirectory.tenantsMax, absencesMax: AccountDirectory.unknownKeysMax, times: tenantTimes,
      now: clock, isAbsence: { $0 == nil }, isListening: isListening
    ) { try await source.state($0) }
  }

  // MARK: Requests

  package func check(_ request: HTTPRequest, for route: RouteSpecification) async throws(Problem) -> Identity? {
    guard let presented = try PresentedKey.text(request), let text = SecretText(.key, presented) else { return nil }
    return try await identity(of: text)
  }

  /// Who presents a key. Throws a 401 or 503 `Problem`.
  package func identity(of text: SecretText) async throws(Problem) -> Identity {
    let now = wallClock()
    var (stored, source) = try await lookup(text, isDoubted: false)
    var verdict = stored.map { KeyVerdict(text.text, $0, hasher, at: now) }
    if verdict == .wrong, source == .hit {
      // It may have been rotated a moment ago, on another replica.
      (stored, source) = try await lookup(text, isDoubted: true)
      verdict = stored.map { KeyVerdict(text.text, $0, hasher, at: now) }
    }
    guard let stored, let verdict, verdict != .wrong else {
      throw .unauthenticated("The API key is not known, or it was revoked.")
    }
    guard verdict == .good else { throw .unauthenticated("The API key has expired.") }
    usage.withLock { $0.used(stored.record, at: now) }
    return stored.identity
  }

  private func lookup(
    _ text: SecretText, isDoubted: Bool
  ) async throws(Problem) -> (StoredKey?, FreshSource) {
    do {
      let (stored, source) = try await keys.value(APIKeyID(text.id), isDoubted: isDoubted)
      metrics.found("key", source.rawValue)
      return (stored, source)
    } catch {
      metrics.found("key", "unavailable")
      throw AccountDirectory.unavailable
    }
  }

  package func admit(_ tenant: TenantID) async throws(Problem) {
    let state: Tenant.State?
    do {
      let (value, source) = try await tenants.value(tenant)
      metrics.found("tenant", source.rawValue)
      state = value
    } catch {
      metrics.found("tenant", "unavailable")
      throw AccountDirectory.unavailable
    }
    guard state == .active else { throw Problem(.tenantNotActive) }
  }

  private static let unavailable = Problem(
    .storageUnavailable, "The credential cannot be checked at the moment. Try again shortly.", retryAfterSeconds: 1)

  // MARK: Changes

  package func onNotice(_ body: @escaping @Sendable (AccountNotice) -> Void) { watchers.withLock { $0.append(body) } }

  /// Takes a notice: what is remembered of it is forgotten, then it is made known.
  package func apply(_ notice: AccountNotice) {
    switch notice {
    case .key(let id): keys.forget(id)
    case .user(let id): keys.forget { $0?.record.subject == .user(id) }
    case .serviceAccount(let id): keys.forget { $0?.record.subject == .serviceAccount(id) }
    case .tenant(let id):
      tenants.forget(id)
      keys.forget { $0?.record.tenant == id }
    case .all:
      keys.forget()
      tenants.forget()
    }
    for watcher in watchers.withLock({ $0 }) { watcher(notice) }
  }

  /// Hears of changes and writes when keys were used, until the task is cancelled.
  package func run() async {
    await withTaskGroup(of: Void.self) { group in
      if let listener {
        group.addTask { [self] in
          for await notice in listener.notifications() {
            switch notice {
            case .payload(let text): apply(AccountNotice(payload: text))
            case .mayHaveMissed: apply(.all)
            }
          }
        }
      }
      group.addTask { [self] in
        while true {
          do { try await EventLoop.sleep(for: AccountDirectory.usesInterval) } catch { return }
          await writeUses()
        }
      }
    }
  }

  /// Writes when keys were used. What the database does not take is not written: it is written with the next use.
  package func writeUses() async {
    while true {
      let uses = usage.withLock { $0.take(AccountDirectory.usesAtOnceMax) }
      if uses.isEmpty { return }
      do { try await source.noteUses(uses) } catch {
        return logger.warning("uses of keys were not written", ["error": .string("\(error)")])
      }
    }
  }

  /// Stops hearing of changes.
  package func close() { listener?.stop() }
}
