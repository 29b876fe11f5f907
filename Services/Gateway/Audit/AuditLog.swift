internal import AuditChain
package import GatewayRequests
package import HTTP
package import Postgres
package import Settings
package import Telemetry

/// The parts of the audit log, for the service that runs them.
package struct AuditLog: Sendable {
  /// What requests are recorded with.
  package let recorder: AuditRecorder

  private let store: AuditStore
  private let writer: AuditWriter
  private let maintenance: AuditMaintenance

  /// Makes the log of a database; `address` says where a request comes from. Throws `KeyListError`.
  package init(
    _ settings: Settings, pool: PostgresPool, telemetry: Telemetry,
    address: @escaping @Sendable (HTTPRequest) -> String
  ) throws {
    store = AuditStore(pool: pool, keys: try AuditSettings.keys(settings))
    writer = AuditWriter(
      store: store, refusalsPerSecond: settings[AuditSettings.refusals], telemetry: telemetry)
    recorder = AuditRecorder(writer: writer, address: address)
    maintenance = AuditMaintenance(
      store: store, verifyInterval: settings[AuditSettings.verifyInterval],
      retentionDays: settings[AuditSettings.retention], telemetry: telemetry)
  }

  /// Adds the addresses of the log.
  package func add(to router: inout Router, _ pipeline: RequestPipeline) {
    AuditRoutes(pipeline: pipeline, store: store).add(to: &router)
  }

  /// Writes, verifies and removes until the task is cancelled.
  package func run() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { [writer] in await writer.run() }
      group.addTask { [maintenance] in await maintenance.run() }
    }
  }

  /// Writes what is left. Before the pool is closed.
  package func close() async { await writer.close() }
}
