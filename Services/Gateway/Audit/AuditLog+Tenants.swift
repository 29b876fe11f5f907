internal import AuditChain
package import Contracts
package import GatewayRequests
package import HTTP
internal import Primitives
internal import SystemSources
internal import Telemetry

/// Deletions of tenants, whose own chains go with them: they stand in the chain of the installation, with their end.
/// The id of the tenant is that of the request, so that an end which is noted again is found.
extension AuditLog {
  private static let deletion = "/operator/v1/tenants/{id}"

  private func entry(_ kind: AuditEntry.Kind, _ tenant: TenantID) -> AuditEntry {
    var entry = AuditEntry(kind, request: tenant.uuid, time: WallClock.now())
    entry.method = "DELETE"
    entry.route = AuditLog.deletion
    entry.resources = "id=\(tenant)"
    return entry
  }

  /// Notes that a deletion begins; it is durable when this returns. Throws a 503 `Problem`.
  package func begin(
    deletionOf tenant: TenantID, by identity: Identity, _ request: HTTPRequest
  ) async throws(Problem) {
    var entry = entry(.request, tenant)
    entry.subject = StorableText.make(identity.subject, bytesMax: 256)
    entry.credential = StorableText.make(identity.credential, bytesMax: 128)
    entry.identity = identity.kind.rawValue
    entry.trace = request.trace.traceIDText
    do { try await writer.write(.installation, entry) } catch { throw Problem(.auditUnavailable, retryAfterSeconds: 1) }
  }

  /// Notes that nothing is left of a tenant, once; it is durable when this returns.
  package func end(deletionOf tenant: TenantID) async throws {
    guard try await !store.hasOutcome(of: tenant.uuid, in: .installation) else { return }
    var entry = entry(.outcome, tenant)
    entry.subject = "system"
    entry.status = 200
    entry.code = "tenant_deleted"
    try await writer.write(.installation, entry)
  }
}
