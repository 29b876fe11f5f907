package import Postgres
internal import Primitives
internal import Reactor
package import Telemetry

/// Removes what nobody needs any more: content without a name, files of runs that were never made, and uploads that no
/// task has named in time.
package final class WorkspaceCleanup: Sendable {
  private static let interval = Duration.seconds(10)
  /// What one statement looks at, so that none holds its locks for long.
  private static let rowsMax = 100
  /// After this time new content must have a name; longer than the slowest upload takes.
  static let blobGrace = "interval '6 hours'"
  /// After this time a run for which files were laid ready must be there.
  static let runGrace = "interval '1 hour'"

  private let pool: PostgresPool
  private let uploadKeep: Duration
  private let checks: Counter
  private let logger: Logger

  /// Makes the job.
  package init(pool: PostgresPool, uploadKeep: Duration, registry: MetricsRegistry, logger: Logger) {
    self.pool = pool
    self.uploadKeep = uploadKeep
    self.logger = logger
    checks = registry.counter(
      "cadre_workspace_checks_total", help: "Contents and runs looked at to remove what is not needed any more.")
  }

  /// Works until cancelled.
  package func run() async {
    while !Task.isCancelled {
      do {
        if try await !step() { try await EventLoop.sleep(for: WorkspaceCleanup.interval) }
      } catch is CancellationError {
        return
      } catch {
        logger.warning("unused files could not be removed", ["reason": .string("\(error)")])
        try? await EventLoop.sleep(for: WorkspaceCleanup.interval)
      }
    }
  }

  /// Looks at one portion. Returns whether there may be more.
  package func step() async throws -> Bool {
    let expired =
      try await pool.query(
        WorkspaceCleanup.expireUploads, (uploadKeep.milliseconds, WorkspaceCleanup.rowsMax)
      ).first ?? 0
    let checked = try await pool.query(WorkspaceCleanup.check, WorkspaceCleanup.rowsMax).first ?? 0
    checks.add(UInt64(checked))
    return expired == WorkspaceCleanup.rowsMax || checked == WorkspaceCleanup.rowsMax
  }

  /// Parts of a statement behind one that has deleted uploads: their content is looked at, their quota is free.
  static func afterUploads(gone: String) -> String {
    let freed = """
      select tenant_id, '\(UsageQuota.wholeTenant)'::uuid as scope, count(*) as items, sum(bytes)::int8 as bytes
      from \(gone) group by tenant_id
      """
    return """
      contents as (
        insert into workspace_check (due_at, tenant_id, kind, id)
        select distinct now(), g.tenant_id, 'blob', g.blob_id from \(gone) g
      ), freed as (
        \(UsageQuota.giveBack(.uploads, from: freed))
      )
      """
  }

  static let expireUploads = Statement<(milliseconds: Int64, limit: Int), Int>(ArtefactStore.count) { parameter in
    let milliseconds = parameter("milliseconds", .int8) { $0.milliseconds }
    let limit = parameter("limit", .int8) { Int64($0.limit) }
    return """
      with gone as (
        delete from artefact where (tenant_id, id) in (
          select tenant_id, id from artefact
          where run_id is null and created_at < now() - \(milliseconds) * interval '1 millisecond'
          order by created_at limit \(limit) for update skip locked)
        returning tenant_id, blob_id, bytes
      ), \(afterUploads(gone: "gone"))
      select \(ArtefactStore.count) from gone
      """
  }

  static let check = Statement<Int, Int>(ArtefactStore.count) { parameter in
    let limit = parameter("limit", .int8) { Int64($0) }
    return """
      with due as (
        delete from workspace_check where ctid = any(array(
          select ctid from workspace_check where due_at <= now() order by due_at limit \(limit)
          for update skip locked))
        returning tenant_id, kind, id
      ), contents as (
        delete from blob b using due d
        where d.kind = 'blob' and b.tenant_id = d.tenant_id and b.id = d.id
          and not exists (select 1 from artefact a where a.tenant_id = b.tenant_id and a.blob_id = b.id)
          and not exists (select 1 from user_tool t where t.tenant_id = b.tenant_id and t.blob_id = b.id)
      ), missing as (
        select distinct d.tenant_id, d.id from due d
        where d.kind = 'run' and not exists (select 1 from run r where r.id = d.id and r.tenant_id = d.tenant_id)
      ), files as (
        delete from artefact a using missing m where a.tenant_id = m.tenant_id and a.run_id = m.id
        returning a.tenant_id, a.blob_id
      ), usages as (
        delete from workspace_usage u using missing m
        where u.tenant_id = m.tenant_id and u.kind = 'run_artefacts' and u.scope = m.id
      ), later as (
        insert into workspace_check (due_at, tenant_id, kind, id)
        select distinct now(), f.tenant_id, 'blob', f.blob_id from files f
      )
      select \(ArtefactStore.count) from due
      """
  }
}
