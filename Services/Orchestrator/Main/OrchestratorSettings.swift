internal import Postgres
internal import RunEngine
internal import ServiceKit
internal import Settings
internal import Telemetry

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
  static let traceURL = Setting(
    "trace.url", .optional(.string(bytesMaximum: 2048)), default: nil,
    "Where a trace is shown, with `{trace_id}` in place of its id, for example http://localhost:16686/trace/{trace_id}. Tasks and runs then carry a link to their trace."
  )
  static let all: [any SettingDeclaration] =
    [IdentitySettings.gatewayKeys, IdentitySettings.stepKeys, IdentitySettings.workerKeys] + PostgresSettings.all
    + [connections, lease, archiveAfter, pruneAfter, traceURL]

  /// What the orchestrator adds to the traces of runs, and where they are shown.
  static func tracing(_ tracer: Tracer, _ settings: Settings) throws(MisreadSetting) -> RunTracing {
    let address = settings[traceURL].flatMap { $0.isEmpty ? nil : $0 }
    guard address.map(RunTracing.isAddress) ?? true else {
      throw MisreadSetting(
        description: "CADRE_TRACE_URL must be an http or https URL that holds {trace_id}, without blanks.")
    }
    return RunTracing(tracer: tracer, address: address)
  }

  /// A setting whose parts do not fit.
  struct MisreadSetting: Error, CustomStringConvertible {
    let description: String
  }
}
