internal import PolicyDecisions
internal import Postgres
package import RunEngine
internal import ServiceKit
package import Settings
package import Telemetry

/// The orchestrator's own settings.
package enum OrchestratorSettings {
  package static let connections = PostgresSettings.connections(default: 2)
  package static let lease = Setting(
    "lease.duration_ms", .milliseconds(in: 500...3_600_000), default: .seconds(15),
    "Time after which a step of a silent worker is given to another.")
  package static let questions = Setting(
    "questions.expires_ms", .milliseconds(in: 0...(365 * 86_400_000)), default: .seconds(7 * 86_400),
    "Time for which a question of an agent, or a call that needs an approval, waits for a person when its step does not say so; then the agent goes on without an answer. 0 waits for ever."
  )
  package static let archiveAfter = Setting(
    "history.archive_after_ms", .milliseconds(in: 0...(3650 * 86_400_000)), default: .seconds(7 * 86_400),
    "Time after its end at which the history of a run is moved into the archive, compressed; 0 keeps it as it is.")
  package static let pruneAfter = Setting(
    "history.prune_after_ms", .milliseconds(in: 0...(3650 * 86_400_000)), default: .zero,
    "Time after its end at which a run is forgotten with everything that belongs to it; 0 keeps it for ever.")
  package static let traceURL = Setting(
    "trace.url", .optional(.string(bytesMaximum: 2048)), default: nil,
    "Where a trace is shown, with `{trace_id}` in place of its id, for example http://localhost:16686/trace/{trace_id}. Tasks and runs then carry a link to their trace."
  )
  package static let all: [any SettingDeclaration] =
    [IdentitySettings.gatewayKeys, IdentitySettings.stepKeys, IdentitySettings.workerKeys] + PostgresSettings.all
    + [connections, lease, questions, archiveAfter, pruneAfter, traceURL] + WorkspaceSettings.all + PolicySettings.all

  /// What the orchestrator adds to the traces of runs, and where they are shown.
  package static func tracing(_ tracer: Tracer, _ settings: Settings) throws(MisreadSetting) -> RunTracing {
    let address = settings[traceURL].flatMap { $0.isEmpty ? nil : $0 }
    guard address.map(RunTracing.isAddress) ?? true else {
      throw MisreadSetting(
        description: "CADRE_TRACE_URL must be an http or https URL that holds {trace_id}, without blanks.")
    }
    return RunTracing(tracer: tracer, address: address)
  }

  /// A setting whose parts do not fit.
  package struct MisreadSetting: Error, CustomStringConvertible {
    package let description: String
  }
}
