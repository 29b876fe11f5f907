internal import Contracts
package import Postgres
internal import Primitives
internal import SystemSources

/// The tables of runs: histories, queues, leases and timers, with the tasks that the runs are for.
package struct RunStore: Sendable {
  /// For the engine, which serves all tenants.
  let pool: PostgresPool
  /// For requests of one tenant.
  let database: TenantDatabase
  /// Reads lists.
  let reads: PostgresReader
  /// Distinguishes the steps that this process has queued from those of other replicas.
  let replica = Int32(truncatingIfNeeded: UUID.version7().low)

  /// Claims that are still to be made with all rules.
  let claimsWithRules = Countdown()

  /// The connection of each loop on which runs are written.
  static let writes = 0

  /// The runs of a database; lists are read by `reads`, from the same database when there is none.
  package init(pool: PostgresPool, reads: PostgresReader? = nil) {
    self.pool = pool
    let reads = reads ?? PostgresReader(primary: pool)
    self.reads = reads
    database = TenantDatabase(pool: pool, reads: reads)
  }

  /// Repeats what the database gave up for the sake of others, among them one who inserted the same run in that very
  /// moment; nothing of it was written.
  func retrying<Value>(_ body: () async throws -> Value) async throws -> Value {
    var tries = 0
    while true {
      do { return try await body() } catch let error as PostgresError
        where (["40P01", "40001"].contains(error.sqlState) || error.constraint == "run_pkey") && tries < 5
      {
        tries += 1
      }
    }
  }
}
