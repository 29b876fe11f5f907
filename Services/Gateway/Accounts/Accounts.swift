package import Contracts
internal import GatewaySchema
package import Postgres
package import Reactor
package import Settings
package import Telemetry

/// The accounts of the gateway: their stores, what checks credentials, and their part of the life of the process.
package struct Accounts: Sendable {
  /// Connections of each event loop.
  package static let connections = PostgresSettings.connections(default: 1)
  /// The settings.
  package static let settings: [any SettingDeclaration] = [
    SecretHasher.secrets, PostgresSettings.url, PostgresSettings.pooler, PostgresSettings.directURL, connections,
  ]

  /// The database of the gateway.
  package let pool: PostgresPool
  /// The stores.
  package let storage: AccountStorage
  /// Hashes keys and invitations.
  package let hasher: SecretHasher
  /// Checks keys and tenants, and makes changes known.
  package let directory: AccountDirectory

  private let configuredTenants: Set<TenantID>
  private let logger: Logger

  /// Makes the parts. `tenants` are those that the configuration names: they are there from the start.
  package init(
    _ settings: Settings, tenants: Set<TenantID>, group: EventLoopGroup, telemetry: Telemetry
  ) throws {
    var configuration = try PostgresSettings.configuration(
      settings, Accounts.connections, schema: GatewaySchema.name, applicationName: "cadre-gateway")
    // A request waits for it: better a quick refusal than a slow one.
    configuration.unavailableTimeout = .seconds(3)
    configuration.statementTimeout = .seconds(5)
    pool = PostgresPool(group: group, configuration: configuration, telemetry: telemetry)
    storage = AccountStorage(pool: pool)
    hasher = try SecretHasher(settings)
    directory = AccountDirectory(
      source: storage, hasher: hasher, listener: AccountChannel.listener(pool), telemetry: telemetry)
    configuredTenants = tenants
    logger = telemetry.logger
  }

  /// Brings the schema to the version of this program.
  package func migrate() async throws { try await GatewaySchema.migrate(pool, logger: logger) }

  /// Adds the tenants that the configuration names. The schema must be there.
  package func prepare() async throws {
    for tenant in configuredTenants.sorted() {
      _ = try await storage.tenants.add(tenant, "default", by: "configuration")
    }
  }

  /// Hears of changes and writes when keys were used, until the task is cancelled.
  package func run() async { await directory.run() }

  /// Writes what is not written yet, and closes the connections.
  package func close() async {
    await directory.writeUses()
    directory.close()
    await pool.close()
  }
}
