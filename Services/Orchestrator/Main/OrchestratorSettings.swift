internal import Postgres
internal import ServiceKit
internal import Settings

/// The orchestrator's own settings.
enum OrchestratorSettings {
  static let connections = PostgresSettings.connections(default: 2)
  static let lease = Setting(
    "lease.duration_ms", .milliseconds(in: 500...3_600_000), default: .seconds(15),
    "Time after which a step of a silent worker is given to another.")
  static let archiveAfter = Setting(
    "history.archive_after_ms", .milliseconds(in: 0...(3650 * 86_400_000)), default: .seconds(7 * 86_400),
    "Time after its end at which the history of a run is moved into the archive, compressed; 0 keeps it as it is.")
  static let pruneAfter = Setting(
    "history.prune_after_ms", .milliseconds(in: 0...(3650 * 86_400_000)), default: .zero,
    "Time after its end at which a run is forgotten with everything that belongs to it; 0 keeps it for ever.")
  static let all: [any SettingDeclaration] =
    [IdentitySettings.gatewayKeys, IdentitySettings.stepKeys, IdentitySettings.workerKeys] + PostgresSettings.all
    + [connections, lease, archiveAfter, pruneAfter]
}
