internal import Primitives

/// How to reach Postgres.
public struct PostgresConfiguration: Sendable {
  /// What a connection of the pool is a connection to.
  public enum Pooler: String, CaseIterable, Sendable {
    /// A session of the server: there is no pooler, or one that gives each connection a session of its own.
    case session
    /// A pooler that gives each transaction some session, such as PgBouncer with `pool_mode = transaction`. Nothing of
    /// a session is relied on: statements have no names, and each transaction brings its settings along.
    case transaction
  }

  /// A libpq connection string or URI.
  public var connectionString: String
  /// What `connectionString` leads to.
  public var pooler = Pooler.session
  /// The server past the pooler, for what needs a session: LISTEN and migrations. `nil`: as `connectionString`.
  public var directConnectionString: String?
  /// The schema in which names are looked up.
  public var schema: String
  /// The application name in `pg_stat_activity`.
  public var applicationName: String
  /// Pipelined connections of each event loop, shared by all of its calls.
  public var sharedConnectionsPerLoop = 2
  /// Further connections of each loop for interactive transactions.
  public var transactionConnectionsPerLoop = 4
  /// Calls that may wait on one loop.
  public var pendingMax = 4096
  /// Further settings of each session, by their names in Postgres, for example `jit`: `off`. Trusted text.
  public var sessionSettings: KeyValuePairs<String, String> = [:]
  /// Time for a connection to be made.
  public var connectTimeout = Duration.seconds(5)
  /// Time for a statement.
  public var statementTimeout = Duration.seconds(10)
  /// Time that a call waits for a connection while the database is away.
  public var unavailableTimeout = Duration.seconds(2)

  /// Makes a configuration with the defaults above.
  public init(connectionString: String, schema: String = "public", applicationName: String = "cadre") {
    self.connectionString = connectionString
    self.schema = schema
    self.applicationName = applicationName
  }

  /// What every session, or every transaction, is set to.
  private var settings: [(name: String, value: String)] {
    [
      ("search_path", schema), ("statement_timeout", "\(statementTimeout.milliseconds)"),
      ("idle_in_transaction_session_timeout", "10000"), ("lock_timeout", "5000"), ("TimeZone", "UTC"),
    ] + sessionSettings.map { ($0.key, $0.value) }
  }

  /// The connection string of the pool's connections.
  var conninfo: String { conninfo(connectionString, settings: pooler == .session ? settings : []) }

  /// The connection string of a session, with its settings.
  var directConninfo: String { conninfo(directConnectionString ?? connectionString, settings: settings) }

  /// The statement that begins each transaction; `nil` when the session has the settings.
  var transactionSettings: String? {
    guard pooler == .transaction else { return nil }
    func literal(_ text: String) -> String {
      "'" + text.unicodeScalars.reduce(into: "") { $0 += $1 == "'" ? "''" : String($1) } + "'"
    }
    let calls = settings.map { "set_config(\(literal($0.name)), \(literal($0.value)), true)" }
    return "select " + calls.joined(separator: ", ")
  }

  private func conninfo(_ target: String, settings: [(name: String, value: String)]) -> String {
    func quoted(_ text: String) -> String {
      // By scalars: a quotation mark with a combining mark behind it is another character.
      "'" + text.unicodeScalars.reduce(into: "") { $0 += $1 == "'" || $1 == "\\" ? "\\\($1)" : String($1) } + "'"
    }
    var extra = [
      ("application_name", applicationName), ("client_encoding", "UTF8"), ("keepalives_idle", "30"),
      ("keepalives_interval", "10"), ("keepalives_count", "3"), ("tcp_user_timeout", "20000"),
    ]
    if !settings.isEmpty {
      extra.append(("options", settings.map { "-c \($0.name)=\($0.value)" }.joined(separator: " ")))
    }
    if target.hasPrefix("postgres://") || target.hasPrefix("postgresql://") {
      let start = target.contains("?") ? "&" : "?"
      return target + start + extra.map { "\($0.0)=\(percentEncoded($0.1))" }.joined(separator: "&")
    }
    return target + extra.map { " \($0.0)=\(quoted($0.1))" }.joined()
  }

  private func percentEncoded(_ text: String) -> String {
    text.utf8.reduce(into: "") { result, byte in
      let isPlain = (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
      result += isPlain ? String(UnicodeScalar(byte)) : "%" + Hex.encode([byte])
    }
  }
}
