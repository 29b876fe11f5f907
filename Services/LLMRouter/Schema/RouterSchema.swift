package import Postgres
package import Telemetry

/// The database schema of the router: its name and the scripts that build it.
package enum RouterSchema {
  /// The name in the database.
  package static let name = "llm_router"
  /// Forward only; a script is never changed once it is released.
  package static let migrations = [
    Migration(version: 1, name: "models", sql: String(decoding: PackageResources._001_models_sql, as: UTF8.self)),
    Migration(version: 2, name: "attempts", sql: String(decoding: PackageResources._002_attempts_sql, as: UTF8.self)),
    Migration(version: 3, name: "routing", sql: String(decoding: PackageResources._003_routing_sql, as: UTF8.self)),
    Migration(version: 4, name: "usage", sql: String(decoding: PackageResources._004_usage_sql, as: UTF8.self)),
    Migration(version: 5, name: "tenancy", sql: String(decoding: PackageResources._005_tenancy_sql, as: UTF8.self)),
    Migration(version: 6, name: "policies", sql: String(decoding: PackageResources._006_policies_sql, as: UTF8.self)),
  ]

  /// Starts the pool and applies what is missing.
  package static func migrate(_ pool: PostgresPool, logger: Logger) async throws {
    await pool.start()
    try await Migrator(pool: pool, schema: name, logger: logger).migrate(migrations)
  }
}
