import Contracts
import GatewaySchema
import LocalStack
import Postgres
import PostgresTestKit
import Primitives
import Reactor
import RouterSchema
import RunStorage
import Telemetry
import Testing

/// Everything that needs the private cluster, one test after the other.
@Suite(.serialized) enum TenancyTests {}

/// One private cluster with the schemas of the services, made by their migrators.
struct TenancyDatabase: Sendable {
  static let shared = Result { TenancyDatabase(server: try TestCluster("tenancy").server) }

  /// A service's schema.
  struct Schema {
    let name: String
    let migrations: [Migration]
  }

  static let schemas = [
    Schema(name: OrchestratorSchema.name, migrations: OrchestratorSchema.migrations),
    Schema(name: RouterSchema.name, migrations: RouterSchema.migrations),
    Schema(name: GatewaySchema.name, migrations: GatewaySchema.migrations),
  ]

  let server: PrivatePostgres

  /// Brings the schemas up to date.
  func migrate(user: String? = nil, database: String = "cadre") async throws {
    for schema in TenancyDatabase.schemas {
      try await withPool(schema.name, user: user, database: database) { pool in
        try await Migrator(pool: pool, schema: schema.name, logger: Telemetry.disabled().logger).migrate(
          schema.migrations)
      }
    }
  }

  /// Runs `body` with a pool on a schema, with the settings of the orchestrator.
  func withPool(
    _ schema: String, user: String? = nil, database: String = "cadre", connections: Int = 1,
    _ body: @escaping @Sendable (PostgresPool) async throws -> Void
  ) async throws {
    let group = EventLoopGroup(count: 1)
    var text = server.connectionString.replacing("dbname=cadre", with: "dbname=\(database)")
    if let user { text = text.replacing("user=cadre", with: "user=\(user)") }
    var configuration = PostgresConfiguration(connectionString: text)
    configuration.schema = schema
    configuration.sharedConnectionsPerLoop = connections
    configuration.sessionSettings = ["enable_seqscan": "off", "plan_cache_mode": "force_generic_plan", "jit": "off"]
    let pool = PostgresPool(group: group, configuration: configuration, telemetry: .disabled())
    let result = await group.loops[0].task {
      await pool.start()
      try await body(pool)
    }.result
    _ = await group.loops[0].task { await pool.close() }.result
    group.stop()
    try result.get()
  }

  /// The lines of an answer, as text.
  func lines(_ sql: String, database: String = "cadre") throws -> [String] {
    try server.query(sql, database: database).split(separator: "\n").map(String.init)
  }
}

/// The error of a call that must fail.
func failure(_ body: () async throws -> Void) async -> (any Error)? {
  do {
    try await body()
    return nil
  } catch { return error }
}
