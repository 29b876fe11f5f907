internal import Postgres

/// What came of looking at something outside of this process.
enum Outcome<Facts: Sendable>: Sendable {
  /// What was seen.
  case seen(Facts)
  /// It could not be seen, for a reason.
  case failed(String)
  /// Nothing is known of where it is.
  case unknown

  var facts: Facts? { if case .seen(let facts) = self { facts } else { nil } }
}

/// A replica of a service, as its admin listener shows it.
struct ReplicaFacts: Sendable {
  let replica: Installation.Replica
  /// `nil` when nobody answers.
  var answer: Answer?
  /// The last line of its log, when nobody answers and there is a log here.
  var lastLine: String?

  struct Answer: Sendable {
    var isReady: Bool
    /// Checks of its readiness that fail.
    var failed: [String] = []
    var version: String
    var uptimeSeconds: Int64 = 0
    /// Its clock less ours, in microseconds; `nil` when it says no time.
    var clockOffset: Int64?
    var settings: [String: String] = [:]
    var metrics: MetricsText
  }
}

/// The database.
struct DatabaseFacts: Sendable {
  var version: String
  var isReadOnly = false
  /// Its clock less ours, in microseconds.
  var clockOffset: Int64 = 0
  var connections: Int64 = 0
  var connectionsMax: Int64 = 100
  var bytes: Int64 = 0
  /// Its folder, when it may be asked for.
  var folder: String?
  var schemas: [SchemaInspection] = []
  /// Standbys and by how many bytes of WAL they are behind.
  var standbys: [(name: String, bytesBehind: Int64)] = []
  var work = WorkFacts()
}

/// The work of the installation, from the tables.
struct WorkFacts: Sendable {
  /// Runs that began in the last 24 hours, by status.
  var runs: [(status: String, count: Int64)] = []
  var ready: Int64 = 0
  var delayed: Int64 = 0
  var leased: Int64 = 0
  var timers: Int64 = 0
  /// Of today (UTC), of all tenants.
  var spentNanoUSD: Int64 = 0
  var calls: Int64 = 0
}

/// Redis.
struct RedisFacts: Sendable {
  var version: String
  var clockOffset: Int64 = 0
  var memoryBytes: Int64 = 0
  /// 0: no limit.
  var memoryBytesMax: Int64 = 0
  var policy: String?
}

/// What the API answered to a call that costs nothing.
struct CallFacts: Sendable {
  let path: String
  var status: Int
  var code: String
}

/// A provider of models.
struct ProviderFacts: Sendable {
  let name: String
  let host: String
  var isUp: Bool?
  var fault: String?
  /// Whether its host is known to the resolver of this machine; `nil` where the llm-router may run on another one.
  var isResolvable: Bool?
  /// Breakers that are not closed: model and state.
  var breakers: [(model: String, state: String)] = []
}

/// The API, as a client sees it.
struct APIFacts: Sendable {
  var calls: [CallFacts] = []
  /// `nil` when the key may not see them.
  var providers: [ProviderFacts]?
}

/// A folder's file system.
struct DiskFacts: Sendable {
  let purpose: String
  let path: String
  let freeBytes: UInt64
  let totalBytes: UInt64
}

/// A list of keys as one service has it. Nothing of it is ever shown but ids.
struct KeyFacts: Sendable {
  /// The process or the file that it was found in.
  let owner: String
  let service: String
  let setting: String
  /// What is wrong with its form.
  var fault: String?
  var ids: [String] = []
  /// Digests of id and secret, for comparing.
  var digests: [[UInt8]] = []
  /// Whether users other than its owner and group can read its file, which has this path.
  var openFile: String?
  var ageDays: Int64?
}

/// What a service said of its configuration.
struct ConfigurationFacts: Sendable {
  let owner: String
  let isValid: Bool
  let words: String
}

/// Everything that was seen.
struct InstallationFacts: Sendable {
  var replicas: [ReplicaFacts] = []
  var unresolved: [(service: String, host: String)] = []
  var database: Outcome<DatabaseFacts> = .unknown
  var redis: Outcome<RedisFacts> = .unknown
  var api: Outcome<APIFacts> = .unknown
  var disks: [DiskFacts] = []
  var keys: [KeyFacts] = []
  var configurations: [ConfigurationFacts] = []
}
