internal import Postgres
public import Primitives
internal import Reactor
public import Telemetry

/// What of a tenant a service keeps beside its tables.
public struct TenantExtras: Sendable {
  /// Ends what is at work for the tenant, before its rows go.
  let stop: @Sendable (UUID) async throws -> Void
  /// Deletes it.
  let delete: @Sendable (UUID) async throws -> Void
  /// How much of it there is, by kind.
  let counts: @Sendable (UUID) async throws -> [(name: String, count: Int64)]

  /// Makes one; by default there is nothing.
  public init(
    stop: @escaping @Sendable (UUID) async throws -> Void = { _ in },
    delete: @escaping @Sendable (UUID) async throws -> Void = { _ in },
    counts: @escaping @Sendable (UUID) async throws -> [(name: String, count: Int64)] = { _ in [] }
  ) {
    self.stop = stop
    self.delete = delete
    self.counts = counts
  }
}

/// Deletes the data of tenants whose deletion was requested, in batches, on every replica. What there is to do stands
/// in the database: a process that ends leaves it to the others, and to its successor.
public final class TenantDeletion: Sendable {
  private static let interval = Duration.seconds(2)
  /// Tenants of one round.
  private static let tenantsMax = 16
  /// Batches of one tenant in one round, so that others have their turn.
  private static let batchesMax = 200

  let data: TenantData
  /// The states of tenants in the schema.
  public let states: TenantStates
  private let extras: TenantExtras
  private let logger: Logger

  /// Makes the job.
  public init(data: TenantData, states: TenantStates, extras: TenantExtras, logger: Logger) {
    self.data = data
    self.states = states
    self.extras = extras
    self.logger = logger
  }

  /// Works until cancelled.
  public func run() async {
    while !Task.isCancelled {
      do { try await step() } catch is CancellationError { return } catch {
        logger.warning("data of a tenant could not be deleted", ["reason": .string("\(error)")])
      }
      try? await EventLoop.sleep(for: TenantDeletion.interval)
    }
  }

  /// One round.
  public func step() async throws {
    for tenant in try await states.pending(limit: TenantDeletion.tenantsMax) { try await delete(tenant) }
  }

  private func delete(_ tenant: UUID) async throws {
    try await extras.stop(tenant)
    for _ in 0..<TenantDeletion.batchesMax where try await data.deleteBatch(tenant) == 0 { break }
    try await extras.delete(tenant)
    guard try await counts(tenant).allSatisfy({ $0.count == 0 }) else { return }
    try await states.finish(tenant)
  }

  /// All that the service has of a tenant.
  public func counts(_ tenant: UUID) async throws -> [(name: String, count: Int64)] {
    try await data.counts(tenant) + extras.counts(tenant)
  }
}
