internal import AuditChain
package import Contracts
package import GatewayRequests
package import HTTP
package import HTTPWire
package import Postgres
internal import Primitives
package import Settings
internal import SystemSources
package import Telemetry

/// The parts of the audit log, for the service that runs them.
package struct AuditLog: Sendable {
  /// What requests are recorded with.
  package let recorder: AuditRecorder

  let store: AuditStore
  let writer: AuditWriter
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

  /// Notes in the chain of a tenant what has happened to a session of a user, which the request alone does not say:
  /// whoever signs in has no tenant yet. Refusals are bounded as all are.
  package func note(_ event: String, of user: String, _ tenant: TenantID, status: HTTPStatus, address: String) {
    let chain = AuditChainID(tenant)
    func entry(_ kind: AuditEntry.Kind, _ id: UUID) -> AuditEntry {
      var entry = AuditEntry(kind, request: id, time: WallClock.now())
      entry.subject = user
      entry.identity = "session"
      entry.address = address
      entry.route = AuditLog.sessions
      entry.code = event
      if kind != .request { entry.status = Int(status.code) }
      return entry
    }
    let id = UUID.version7()
    guard !status.isClientError else {
      return writer.refuse(chain, code: event, status: Int(status.code)) { entry(.refusal, id) }
    }
    writer.note(chain, entry(.request, id))
    writer.note(chain, entry(.outcome, id))
  }

  /// Where sessions are begun and ended.
  private static let sessions = "/auth/v1"

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
