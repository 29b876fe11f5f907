package import Postgres
package import Telemetry

/// The database schema of the gateway: its name and the scripts that build it.
package enum GatewaySchema {
  /// The name in the database.
  package static let name = "gateway"
  /// Forward only; a script is never changed once it is released.
  package static let migrations = [
    Migration(version: 1, name: "accounts", sql: String(decoding: PackageResources._001_accounts_sql, as: UTF8.self)),
    Migration(version: 2, name: "answers", sql: String(decoding: PackageResources._002_answers_sql, as: UTF8.self)),
  ]

  /// Starts the pool and applies what is missing of `scripts`.
  package static func migrate(
    _ pool: PostgresPool, _ scripts: [Migration] = migrations, logger: Logger
  ) async throws {
    await pool.start()
    try await Migrator(pool: pool, schema: name, logger: logger).migrate(scripts)
  }
}
