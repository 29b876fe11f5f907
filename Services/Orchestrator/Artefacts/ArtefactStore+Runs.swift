package import Contracts
internal import Postgres
internal import Primitives
internal import SystemSources

/// Files that a run has from its beginning.
extension ArtefactStore {
  /// Why files could not be given to a run.
  package enum AttachRefusal: Error, Hashable {
    /// There is no such artefact.
    case unknown(ArtefactID)
    /// Two of them have one name.
    case sameName(String)
    /// They are too many or too large for one run.
    case quota
  }

  /// Gives files to a run that is about to be made, under their names. When it is not made, they are removed again.
  /// Given a second time to the same run they stay as they are.
  package func attach(
    _ artefacts: [ArtefactID], to run: RunID, _ tenant: TenantID, limits: ArtefactLimits
  ) async throws -> [ArtefactRow] {
    let found = try await rows(tenant, artefacts)
    if let missing = artefacts.first(where: { id in !found.contains { $0.id == id } }) {
      throw AttachRefusal.unknown(missing)
    }
    var names: Set<[UInt8]> = []
    for row in found where !names.insert(Array(row.name.utf8)).inserted { throw AttachRefusal.sameName(row.name) }
    let attached = try await link(
      Attachment(
        tenant: tenant, run: run, artefacts: found.map { ($0.id, .make()) },
        quota: UsageQuota(
          .runArtefacts, scope: run.uuid, itemsMax: limits.runFilesMax, bytesMax: limits.runBytesMax)))
    guard attached || found.isEmpty else { throw AttachRefusal.quota }
    return found
  }

  /// Gives the newest versions of all files of a run to another one that is about to be made.
  package func copy(from source: RunID, to run: RunID, _ tenant: TenantID, limits: ArtefactLimits) async throws {
    let files = try await artefacts((tenant, source, nil, Int(limits.runFilesMax)), allVersions: false)
    guard !files.isEmpty else { return }
    let attached = try await link(
      Attachment(
        tenant: tenant, run: run, artefacts: files.map { ($0.id, .make()) },
        // They had room in the run that they come from.
        quota: UsageQuota(.runArtefacts, scope: run.uuid, itemsMax: .max, bytesMax: .max)))
    guard attached else { throw AttachRefusal.quota }
  }

  package typealias Found = (tenant: TenantID, ids: [ArtefactID])

  private func rows(_ tenant: TenantID, _ ids: [ArtefactID]) async throws -> [ArtefactRow] {
    try await database.query(ArtefactStore.findAll, (tenant, ids), of: TenantScope(tenant.uuid))
  }

  static let findAll = Statement<Found, ArtefactRow>(ArtefactRow.columns) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let ids = parameter.array("ids", of: .uuid) { $0.ids.map(\.uuid) }
    return """
      select \(ArtefactRow.columns) from artefact a where a.tenant_id = \(tenant) and a.id = any(\(ids)) order by a.name
      """
  }

  struct Attachment: Sendable {
    let tenant: TenantID
    let run: RunID
    let artefacts: [(source: ArtefactID, copy: ArtefactID)]
    let quota: UsageQuota
  }

  /// Returns whether the files belong to the run now.
  private func link(_ attachment: Attachment) async throws -> Bool {
    do {
      return try await database.query(ArtefactStore.linkAll, attachment, of: TenantScope(attachment.tenant.uuid)).first
        ?? 0 > 0
    } catch let error
      as PostgresError
      where error.isUniqueViolation
    {
      // The same submission, sent twice at once.
      return true
    }
  }

  static let linkAll = Statement<Attachment, Int>(count) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let run = parameter("run", .uuid) { $0.run.uuid }
    let grace = WorkspaceCleanup.runGrace
    let rows = parameter.rows("i") { $0.artefacts }
    rows("source", .uuid) { $0.source.uuid }
    rows("copy", .uuid) { $0.copy.uuid }
    let wanted = """
      select count(*) as items, coalesce(sum(a.bytes), 0)::int8 as bytes from sources a
      having count(*) > 0 and not exists (select 1 from before)
      """
    return """
      with sources as (
        select i.copy, a.* from \(rows) join artefact a on a.tenant_id = \(tenant) and a.id = i.source
      ), before as (
        select 1 from artefact b where b.tenant_id = \(tenant) and b.run_id = \(run) limit 1
      ), taken as (
        \(UsageQuota.take(parameter, tenant, from: wanted) { $0.quota })
      ), added as (
        insert into artefact (tenant_id, id, run_id, name, version, blob_id, sha256, bytes, media_type, step_id, created_by)
        select s.tenant_id, s.copy, \(run), s.name, 1, s.blob_id, s.sha256, s.bytes, s.media_type, s.step_id, s.created_by
        from sources s, taken
        returning 1
      ), checked as (
        insert into workspace_check (due_at, tenant_id, kind, id)
        select now() + \(grace), \(tenant), 'run', \(run) from taken
      )
      select \(count) from (select 1 from added union all select 1 from before) x
      """
  }
}
