package import Postgres
package import Telemetry

/// The database schema of the gateway: its name and the scripts that build it.
package enum GatewaySchema {
  /// The name in the database.
  package static let name = "gateway"
  /// Forward only; a script is never changed once it is released.
  package static let migrations = [
    ("accounts", PackageResources._001_accounts_sql), ("answers", PackageResources._002_answers_sql),
    ("audit", PackageResources._003_audit_sql), ("policy", PackageResources._004_policy_sql),
    ("policy_epoch", PackageResources._005_policy_epoch_sql), ("tenancy", PackageResources._006_tenancy_sql),
  ].enumerated().map { index, script in
    Migration(version: index + 1, name: script.0, sql: String(decoding: script.1, as: UTF8.self))
  }

  /// Starts the pool and applies what is missing.
  package static func migrate(_ pool: PostgresPool, logger: Logger) async throws {
    await pool.start()
    try await Migrator(pool: pool, schema: name, logger: logger).migrate(migrations)
  }
}
