public import Reactor
public import Settings
public import Telemetry

/// The settings of services that use Postgres.
public enum PostgresSettings {
  /// Where the database is.
  public static let url = Setting(
    "postgres.url", .secret, "libpq connection string or URI of the database, for example postgresql://cadre@db/cadre.")
  /// What stands in between.
  public static let pooler = Setting(
    "postgres.pooler", .word(PostgresConfiguration.Pooler.self), default: .session,
    "What a connection leads to: a session of the server, or with transaction a pooler that gives each transaction some session (PgBouncer with pool_mode = transaction)."
  )
  /// The server past the pooler.
  public static let directURL = Setting(
    "postgres.direct_url", .optional(.secret), default: nil,
    "The server itself, past the pooler, for LISTEN and migrations; needed with postgres.pooler = transaction.")
  /// A replica to read from.
  public static let readURL = Setting(
    "postgres.read_url", .optional(.secret), default: nil,
    "A read replica for lists and reports. While it is away or too far behind, they are read from postgres.url.")
  /// How old a list may be.
  public static let readLagMax = Setting(
    "postgres.read_lag_max_ms", .milliseconds(in: 1000...60_000), default: .seconds(5),
    "How old the data of the read replica may be; beyond it the primary is read.")

  /// How many connections there are.
  public static func connections(default standard: Int) -> Setting<Int> {
    Setting(
      "postgres.connections_per_loop", .int(in: 1...32), default: standard, "Pipelined connections of each event loop.")
  }

  /// All of them but the connections.
  public static let all: [any SettingDeclaration] = [url, pooler, directURL, readURL, readLagMax]

  /// The configuration that the settings ask for. Throws `PostgresSettingsError`.
  public static func configuration(
    _ settings: Settings, _ connections: Setting<Int>, schema: String, applicationName: String
  ) throws(PostgresSettingsError) -> PostgresConfiguration {
    var configuration = PostgresConfiguration(
      connectionString: settings[url].reveal(), schema: schema, applicationName: applicationName)
    configuration.pooler = settings[pooler]
    configuration.sharedConnectionsPerLoop = settings[connections]
    configuration.directConnectionString = settings[directURL]?.reveal()
    guard configuration.pooler == .session || configuration.directConnectionString != nil else {
      throw PostgresSettingsError(
        description:
          "postgres.pooler is transaction and postgres.direct_url is not set; set CADRE_POSTGRES_DIRECT_URL to "
          + "the server past the pooler, LISTEN and migrations need a session")
    }
    return configuration
  }

  /// The pool of a configuration, and the reader of lists beside it.
  public static func connect(
    _ settings: Settings, _ configuration: PostgresConfiguration, group: EventLoopGroup, telemetry: Telemetry
  ) -> (pool: PostgresPool, reads: PostgresReader) {
    let pool = PostgresPool(group: group, configuration: configuration, telemetry: telemetry)
    let reads = PostgresReader(
      primary: pool, replica: settings[readURL]?.reveal(), like: configuration, lagMax: settings[readLagMax],
      group: group, telemetry: telemetry)
    return (pool, reads)
  }
}

/// Settings that do not fit together.
public struct PostgresSettingsError: Error, CustomStringConvertible {
  /// What is wrong and what to do.
  public let description: String
}
