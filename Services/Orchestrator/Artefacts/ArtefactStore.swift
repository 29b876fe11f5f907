package import Contracts
package import Postgres
package import Primitives
internal import SystemSources

/// The lease on behalf of which something is written: without it in force nothing is.
package struct LeaseFence: Sendable {
  package let step: StepID
  package let token: UUID

  package init(step: StepID, token: UUID) {
    self.step = step
    self.token = token
  }

  /// The condition of a statement that the lease is held, or that there is none to be held.
  package static func isHeld<Input>(
    _ parameter: StatementBuilder<Input>, _ fence: @escaping @Sendable (Input) -> LeaseFence?
  ) -> String {
    let step = parameter("fenced step", .uuid) { fence($0)?.step.uuid }
    let token = parameter("fenced token", .uuid) { fence($0)?.token }
    return """
      (\(step) is null or exists (select 1 from lease f where f.step_id = \(step) and f.token = \(token)))
      """
  }
}

/// The table of files.
package struct ArtefactStore: Sendable {
  private static let attemptsMax = 4

  let database: TenantDatabase

  /// The files of a database.
  package init(pool: PostgresPool) { database = TenantDatabase(pool: pool) }

  // MARK: Adding

  /// A file that is to be named: of a run, or an upload that waits for a task.
  package struct Addition: Sendable {
    let tenant: TenantID
    let id: ArtefactID
    let run: RunID?
    let name: String
    let blob: StoredBlob
    let mediaType: String
    let createdBy: String
    let fence: LeaseFence?
    let quota: UsageQuota

    /// A file of a run that a step writes.
    package init(
      _ tenant: TenantID, run: RunID, _ name: ArtefactName, _ blob: StoredBlob, mediaType: String, by principal: String,
      fence: LeaseFence, limits: ArtefactLimits
    ) {
      self.tenant = tenant
      id = .make()
      self.run = run
      self.name = name.text
      self.blob = blob
      self.mediaType = mediaType
      createdBy = principal
      self.fence = fence
      quota = UsageQuota(
        .runArtefacts, scope: run.uuid, itemsMax: limits.runFilesMax, bytesMax: limits.runBytesMax)
    }

    /// An upload. The same `id` again is the same upload.
    package init(
      _ tenant: TenantID, upload id: ArtefactID, _ name: ArtefactName, _ blob: StoredBlob, mediaType: String,
      by principal: String, limits: ArtefactLimits
    ) {
      self.tenant = tenant
      self.id = id
      run = nil
      self.name = name.text
      self.blob = blob
      self.mediaType = mediaType
      createdBy = principal
      fence = nil
      quota = UsageQuota(.uploads, itemsMax: limits.uploadsMax, bytesMax: limits.uploadBytesMax)
    }
  }

  /// Names content as the newest version of a file; the same content under the same name makes no version. `nil` when
  /// the quota has no room or the lease is not held. Throws `BlobRefusal`.
  package func add(_ addition: Addition) async throws -> ArtefactRow? {
    for _ in 1..<ArtefactStore.attemptsMax {
      // Two additions of one name at once: the second makes the version behind the first.
      do { return try await addOnce(addition) } catch let error as PostgresError where error.isUniqueViolation {}
    }
    return try await addOnce(addition)
  }

  private func addOnce(_ addition: Addition) async throws -> ArtefactRow? {
    do {
      return try await database.query(
        addition.run == nil ? ArtefactStore.upload : ArtefactStore.insert, addition,
        of: TenantScope(addition.tenant.uuid)
      ).first
    } catch let error as PostgresError where error.isForeignKeyViolation { throw BlobRefusal.removed }
  }

  static let insert = addition { parameter in
    let tenant = parameter("known tenant", .uuid) { $0.tenant.uuid }
    let run = parameter("known run", .uuid) { $0.run?.uuid }
    let name = parameter("known name", .text) { $0.name }
    return """
      select \(ArtefactRow.columns) from artefact a
      where a.tenant_id = \(tenant) and a.run_id = \(run) and a.name = \(name) order by a.version desc limit 1
      """
  }

  static let upload = addition { parameter in
    let tenant = parameter("known tenant", .uuid) { $0.tenant.uuid }
    let id = parameter("known id", .uuid) { $0.id.uuid }
    return "select \(ArtefactRow.columns) from artefact a where a.tenant_id = \(tenant) and a.id = \(id)"
  }

  private static func addition(
    known: (StatementBuilder<Addition>) -> String
  ) -> Statement<Addition, ArtefactRow> {
    Statement(ArtefactRow.columns) { parameter in
      let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
      let id = parameter("id", .uuid) { $0.id.uuid }
      let run = parameter("run", .uuid) { $0.run?.uuid }
      let name = parameter("name", .text) { $0.name }
      let blob = parameter("blob", .uuid) { $0.blob.id }
      let sha256 = parameter("sha256", .bytea) { $0.blob.sha256 }
      let bytes = parameter("bytes", .int8) { $0.blob.bytes }
      let mediaType = parameter("media type", .text) { $0.mediaType }
      let step = parameter("step", .uuid) { $0.fence?.step.uuid }
      let createdBy = parameter("created by", .text) { $0.createdBy }
      let isHeld = LeaseFence.isHeld(parameter) { $0.fence }
      let wanted = """
        select 1::int8 as items, \(bytes) as bytes
        where \(isHeld) and not exists (select 1 from known k where k.blob_id = \(blob) or k.run_id is null)
        """
      return """
        with known as (
          \(known(parameter))
        ), taken as (
          \(UsageQuota.take(parameter, tenant, from: wanted) { $0.quota })
        ), added as (
          insert into artefact (tenant_id, id, run_id, name, version, blob_id, sha256, bytes, media_type, step_id,
            created_by)
          select \(tenant), \(id), \(run), \(name), coalesce((select k.version from known k), 0) + 1, \(blob), \(sha256),
            \(bytes), \(mediaType), \(step), \(createdBy)
          from taken
          returning *
        )
        select \(ArtefactRow.columns) from added a
        union all
        select \(ArtefactRow.columns) from known a where not exists (select 1 from taken)
          and (a.blob_id = \(blob) or a.run_id is null) and \(isHeld)
        """
    }
  }

  // MARK: Reading

  /// A version of a file.
  package func artefact(_ tenant: TenantID, _ id: ArtefactID) async throws -> ArtefactRow? {
    try await database.query(ArtefactStore.find, (tenant, id), of: TenantScope(tenant.uuid)).first
  }

  static let find = Statement<(tenant: TenantID, id: ArtefactID), ArtefactRow>(ArtefactRow.columns) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let id = parameter("id", .uuid) { $0.id.uuid }
    return "select \(ArtefactRow.columns) from artefact a where a.tenant_id = \(tenant) and a.id = \(id)"
  }

  /// The newest version of a file of a run.
  package func newest(_ tenant: TenantID, _ run: RunID, _ name: ArtefactName) async throws -> ArtefactRow? {
    try await database.query(ArtefactStore.findNewest, (tenant, run, name.text), of: TenantScope(tenant.uuid)).first
  }

  static let findNewest = Statement<(tenant: TenantID, run: RunID, name: String), ArtefactRow>(
    ArtefactRow.columns
  ) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let run = parameter("run", .uuid) { $0.run.uuid }
    let name = parameter("name", .text) { $0.name }
    return """
      select \(ArtefactRow.columns) from artefact a
      where a.tenant_id = \(tenant) and a.run_id = \(run) and a.name = \(name) order by a.version desc limit 1
      """
  }

  package typealias RunPage = (tenant: TenantID, run: RunID, cursor: ArtefactID?, limit: Int)

  /// Files of a run behind `cursor`, by name: their newest versions, or all, the newest of each name first.
  package func artefacts(_ page: RunPage, allVersions: Bool) async throws -> [ArtefactRow] {
    try await database.query(
      allVersions ? ArtefactStore.listVersions : ArtefactStore.listNewest, page, of: TenantScope(page.tenant.uuid))
  }

  static let listNewest = Statement<RunPage, ArtefactRow>(ArtefactRow.columns) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let run = parameter("run", .uuid) { $0.run.uuid }
    let cursor = parameter("cursor", .uuid) { $0.cursor?.uuid }
    let limit = parameter("limit", .int8) { Int64($0.limit) }
    return """
      select \(ArtefactRow.columns) from (
        select distinct on (v.name) v.* from artefact v
        where v.tenant_id = \(tenant) and v.run_id = \(run) and v.name > coalesce(
          (select c.name from artefact c where c.tenant_id = \(tenant) and c.id = \(cursor)), '')
        order by v.name, v.version desc) a
      order by a.name limit \(limit)
      """
  }

  static let listVersions = Statement<RunPage, ArtefactRow>(ArtefactRow.columns) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let run = parameter("run", .uuid) { $0.run.uuid }
    let cursor = parameter("cursor", .uuid) { $0.cursor?.uuid }
    let limit = parameter("limit", .int8) { Int64($0.limit) }
    return """
      select \(ArtefactRow.columns) from artefact a
      left join artefact c on c.tenant_id = \(tenant) and c.id = \(cursor)
      where a.tenant_id = \(tenant) and a.run_id = \(run)
        and (c.id is null or a.name > c.name or (a.name = c.name and a.version < c.version))
      order by a.name, a.version desc limit \(limit)
      """
  }

  package typealias UploadPage = (tenant: TenantID, cursor: ArtefactID?, limit: Int)

  /// Uploads that belong to no run, before `cursor`.
  package func uploads(_ page: UploadPage) async throws -> [ArtefactRow] {
    try await database.query(ArtefactStore.listUploads, page, of: TenantScope(page.tenant.uuid))
  }

  static let listUploads = Statement<UploadPage, ArtefactRow>(ArtefactRow.columns) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let cursor = parameter("cursor", .uuid) { $0.cursor?.uuid ?? UUID(high: .max, low: .max) }
    let limit = parameter("limit", .int8) { Int64($0.limit) }
    return """
      select \(ArtefactRow.columns) from artefact a
      where a.tenant_id = \(tenant) and a.run_id is null and a.id < \(cursor) order by a.id desc limit \(limit)
      """
  }

  // MARK: Deleting

  /// Deletes an upload that belongs to no run. Returns whether there was one.
  package func deleteUpload(_ tenant: TenantID, _ id: ArtefactID) async throws -> Bool {
    try await database.query(ArtefactStore.delete, (tenant, id), of: TenantScope(tenant.uuid)).first ?? 0 > 0
  }

  static let count = ResultColumns<Int> { column in
    let count = column("count(*)", .int8)
    return { row in Int(clamping: try row[count]) }
  }

  static let delete = Statement<(tenant: TenantID, id: ArtefactID), Int>(count) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let id = parameter("id", .uuid) { $0.id.uuid }
    return """
      with gone as (
        delete from artefact where tenant_id = \(tenant) and id = \(id) and run_id is null
        returning tenant_id, blob_id, bytes
      ), \(WorkspaceCleanup.afterUploads(gone: "gone"))
      select \(count) from gone
      """
  }
}
