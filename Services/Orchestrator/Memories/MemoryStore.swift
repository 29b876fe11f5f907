package import Artefacts
package import Contracts
internal import JSON
package import Postgres
internal import Primitives
internal import SystemSources

/// The table of memories: a full-text store of each project.
package struct MemoryStore: Sendable {
  private static let attemptsMax = 3

  private let database: TenantDatabase
  private let limits: MemoryLimits

  /// The memories of a database.
  package init(pool: PostgresPool, limits: MemoryLimits) {
    database = TenantDatabase(pool: pool)
    self.limits = limits
  }

  // MARK: Storing

  struct Addition: Sendable {
    let scope: MemoryScope
    let id: MemoryID
    let memory: NewMemory
    let run: RunID?
    let createdBy: String
    let fence: LeaseFence?
    let language: String
    let quota: UsageQuota
  }

  /// Stores a memory. A key that is known returns what was stored with it. Throws `MemoryRefusal`.
  package func add(
    _ memory: NewMemory, to scope: MemoryScope, run: RunID?, by principal: String, fence: LeaseFence?
  ) async throws -> (memory: StoredMemory, isNew: Bool) {
    let addition = Addition(
      scope: scope, id: .make(), memory: memory, run: run, createdBy: principal, fence: fence,
      language: limits.language,
      quota: UsageQuota(
        .memories, scope: scope.projectID, itemsMax: limits.countMax, bytesMax: limits.bytesMax))
    for attempt in 1...MemoryStore.attemptsMax {
      do {
        guard
          let stored = try await database.query(MemoryStore.insert, addition, of: TenantScope(scope.tenant.uuid)).first
        else { throw MemoryRefusal.quota }
        guard stored.id == addition.id || (stored.text == memory.text && stored.tags == memory.tags) else {
          throw MemoryRefusal.keyReused
        }
        return (stored, stored.id == addition.id)
      } catch let error as PostgresError where error.isUniqueViolation && attempt < MemoryStore.attemptsMax {
        // The same key at the same time: the other one is there now.
      }
    }
    throw MemoryRefusal.quota
  }

  private static let columns = columns()

  private static func columns(rank: String? = nil, highlight: String? = nil) -> ResultColumns<StoredMemory> {
    ResultColumns { column in
      let id = column("m.id", .uuid)
      let text = column("m.body", .text)
      let tags = column("m.tags", .text)
      let createdAt = column("m.created_at", .timestamptz)
      let createdBy = column("m.created_by", .text)
      let run = column(nullable: "m.run_id", .uuid)
      let rank = column(nullable: rank ?? "null::float8", .float8)
      let highlight = column(nullable: highlight ?? "null::text", .text)
      return { row in
        let list = try JSONDocument(parsing: try row[tags])
        var memory = StoredMemory(
          id: MemoryID(try row[id]), text: try row[text], tags: list.root.elements.compactMap(\.string),
          createdAt: try row[createdAt], createdBy: try row[createdBy])
        memory.run = try row[run].map { RunID($0) }
        memory.rank = try row[rank]
        memory.highlight = try row[highlight]
        return memory
      }
    }
  }

  static let insert = Statement<Addition, StoredMemory>(columns) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.scope.tenant.uuid }
    let project = parameter("project", .uuid) { $0.scope.projectID }
    let id = parameter("id", .uuid) { $0.id.uuid }
    let body = parameter("body", .text) { $0.memory.text }
    let tags = parameter("tags", .text) { String(decoding: $0.memory.tagList, as: UTF8.self) }
    let words = parameter("tag words", .text) { $0.memory.tags.joined(separator: " ") }
    let key = parameter("key", .text) { $0.memory.key }
    let run = parameter("run", .uuid) { $0.run?.uuid }
    let createdBy = parameter("created by", .text) { $0.createdBy }
    let bytes = parameter("bytes", .int8) { $0.memory.bytes }
    let lexeme = parameter("lexeme", .text) { $0.scope.lexeme }
    let language = parameter("language", .text) { $0.language }
    let isHeld = LeaseFence.isHeld(parameter) { $0.fence }
    let wanted = """
      select 1::int8 as items, \(bytes) as bytes where \(isHeld) and not exists (select 1 from known)
      """
    return """
      with known as (
        select * from memory k where k.tenant_id = \(tenant) and k.project_id = \(project) and k.key = \(key)
      ), taken as (
        \(UsageQuota.take(parameter, tenant, from: wanted) { $0.quota })
      ), added as (
        insert into memory (tenant_id, project_id, id, body, tags, key, run_id, created_by, bytes, search)
        select \(tenant), \(project), \(id), \(body), \(tags), \(key), \(run), \(createdBy), \(bytes),
          array_to_tsvector(array[\(lexeme)])
          || setweight(to_tsvector('simple', \(words)), 'C')
          || to_tsvector('simple', \(body)) || to_tsvector((\(language))::regconfig, \(body))
        from taken
        returning *
      )
      select \(columns) from added m union all select \(columns) from known m
      """
  }

  // MARK: Searching

  package typealias Query = (scope: MemoryScope, text: String, limit: Int)

  /// Memories that have words of the query, best first.
  package func search(_ query: Query) async throws -> [StoredMemory] {
    let parameters: [any PostgresEncodable] = [
      query.scope.tenant.uuid, query.scope.projectID, "'\(query.scope.lexeme)'", query.text, limits.language,
      Int64(query.limit),
    ]
    return try MemoryStore.found.rows(
      try await database.list(
        finding: MemoryStore.find, MemoryStore.readFound, parameters, of: TenantScope(query.scope.tenant.uuid)))
  }

  private static let found = columns(
    rank: "m.rank::float8",
    highlight: """
      ts_headline((m.language)::regconfig, m.body, m.words,
        'StartSel=**, StopSel=**, MaxFragments=2, MaxWords=30, MinWords=10, FragmentDelimiter=" … "')
      """)

  /// A memory with any of the words is found; one with more of them ranks higher.
  private static let words = ["'simple'", "($5::text)::regconfig"].map { configuration in
    "replace(plainto_tsquery(\(configuration), $4::text)::text, '&', '|')::tsquery"
  }.joined(separator: " || ")

  /// The best memories for a query, by the index of words. Parameters: tenant, project, the lexeme of the project,
  /// text, language, limit.
  static let find = """
    with query as (select \(words) as words)
    select m.id from query q join memory m on m.search @@ (($3::text)::tsquery && q.words)
    where m.tenant_id = $1 and m.project_id = $2 and numnode(q.words) > 0
    order by ts_rank(m.search, q.words, 1) desc, m.id desc limit $6
    """

  /// Those memories, best first, with the same parameters.
  static let readFound = """
    with query as (select \(words) as words)
    select \(found) from (
      select m.*, q.words, $5::text as language, ts_rank(m.search, q.words, 1) as rank
      from query q cross join \(TenantScope.found) join memory m on m.tenant_id = $1 and m.id = x.id) m
    order by m.rank desc, m.id desc
    """

  // MARK: Listing and deleting

  package typealias Page = (scope: MemoryScope, cursor: MemoryID?, limit: Int)

  /// Memories before `cursor`, newest first.
  package func memories(_ page: Page) async throws -> [StoredMemory] {
    try await database.query(MemoryStore.list, page, of: TenantScope(page.scope.tenant.uuid))
  }

  static let list = Statement<Page, StoredMemory>(columns) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.scope.tenant.uuid }
    let project = parameter("project", .uuid) { $0.scope.projectID }
    let cursor = parameter("cursor", .uuid) { $0.cursor?.uuid ?? UUID(high: .max, low: .max) }
    let limit = parameter("limit", .int8) { Int64($0.limit) }
    return """
      select \(columns) from memory m
      where m.tenant_id = \(tenant) and m.project_id = \(project) and m.id < \(cursor) order by m.id desc limit \(limit)
      """
  }

  /// A memory of the tenant.
  package func memory(_ tenant: TenantID, _ id: MemoryID) async throws -> StoredMemory? {
    try await database.query(MemoryStore.read, (tenant, id), of: TenantScope(tenant.uuid)).first
  }

  static let read = Statement<(tenant: TenantID, id: MemoryID), StoredMemory>(columns) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let id = parameter("id", .uuid) { $0.id.uuid }
    return "select \(columns) from memory m where m.tenant_id = \(tenant) and m.id = \(id)"
  }

  /// Deletes a memory. Returns whether there was one.
  package func delete(_ tenant: TenantID, _ id: MemoryID) async throws -> Bool {
    try await database.query(MemoryStore.remove, (tenant, id), of: TenantScope(tenant.uuid)).first ?? 0 > 0
  }

  private static let count = ResultColumns<Int> { column in
    let count = column("count(*)", .int8)
    return { row in Int(clamping: try row[count]) }
  }

  static let remove = Statement<(tenant: TenantID, id: MemoryID), Int>(count) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let id = parameter("id", .uuid) { $0.id.uuid }
    return """
      with gone as (
        delete from memory where tenant_id = \(tenant) and id = \(id) returning tenant_id, project_id, bytes
      ), freed as (
        \(UsageQuota.giveBack(
          .memories, from: "select tenant_id, project_id as scope, 1::int8 as items, bytes from gone"))
      )
      select \(count) from gone
      """
  }

  /// The project of a run of the tenant.
  package func scope(of run: RunID, _ tenant: TenantID) async throws -> MemoryScope? {
    try await database.query(MemoryStore.findProject, (tenant, run), of: TenantScope(tenant.uuid)).first.map {
      MemoryScope(tenant, $0.project)
    }
  }

  private static let project = ResultColumns<(project: ProjectID?, Void)> { column in
    let project = column(nullable: "project_id", .uuid)
    return { row in (try row[project].map { ProjectID($0) }, ()) }
  }

  static let findProject = Statement<(tenant: TenantID, run: RunID), (project: ProjectID?, Void)>(project) {
    parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let run = parameter("run", .uuid) { $0.run.uuid }
    return "select \(project) from run where id = \(run) and tenant_id = \(tenant)"
  }
}
