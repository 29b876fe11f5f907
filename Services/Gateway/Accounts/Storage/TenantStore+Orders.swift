internal import Contracts
internal import Postgres
internal import Primitives

extension TenantProgress {
  static let columns = ResultColumns<TenantProgress> { column in
    let service = column("s.service", .text)
    let confirmedVersion = column("s.confirmed_version", .int4)
    let counts = column(nullable: "s.counts", .text)
    let total = column(nullable: "s.total", .int8)
    let deletedAt = column(nullable: "s.deleted_at", .timestamptz)
    let checkedAt = column("s.checked_at", .timestamptz)
    let failure = column(nullable: "s.failure", .text)
    return { row in
      TenantProgress(
        service: try row[service], confirmedVersion: Int(try row[confirmedVersion]),
        report: TenantReport(counts: try row[counts], total: try row[total], deletedAt: try row[deletedAt]),
        checkedAt: try row[checkedAt], failure: try row[failure])
    }
  }
}

/// What the services have to follow, and how far they are.
extension TenantStore {
  /// Seconds for which a tenant that one gateway is at work for is left alone by the others.
  private static let claimSeconds = 20
  /// Seconds after which a service is asked again that has not confirmed, or is not done.
  private static let pauseSeconds = 1
  private static let failureBytesMax = 300

  /// Takes tenants that some service does not follow yet, or whose deletion is under way.
  func claim(limit: Int) async throws -> [Tenant] { try await pool.query(TenantStore.claimUnconfirmed, limit) }

  private static let isUnconfirmed =
    "(t.confirmed_version < t.version or (t.state = 'deleting' and t.deleted_at is null))"

  static let claimUnconfirmed = Statement<Int, Tenant>(Tenant.columns) { parameter in
    let limit = parameter("limit", .int8) { Int64($0) }
    return """
      update tenant t set claimed_until = now() + interval '\(claimSeconds) seconds' where t.tenant_id in (
        select t.tenant_id from tenant t
        where \(isUnconfirmed) and (t.claimed_until is null or t.claimed_until < now())
        order by t.claimed_until nulls first limit \(limit) for no key update skip locked)
      returning \(Tenant.columns)
      """
  }

  private static let count = ResultColumns<Int64> { column in
    let count = column("count(*)", .int8)
    return { row in try row[count] }
  }

  /// How many tenants there are that some service does not follow yet.
  func unconfirmedCount() async throws -> Int64 {
    try await pool.query(TenantStore.countUnconfirmed, ()).first ?? 0
  }

  static let countUnconfirmed = Statement<Void, Int64>(count) { _ in
    "select \(count) from tenant t where \(isUnconfirmed)"
  }

  /// How far the services are, by name.
  func progress(_ id: TenantID) async throws -> [TenantProgress] {
    try await pool.query(TenantStore.listProgress, id)
  }

  static let listProgress = Statement<TenantID, TenantProgress>(TenantProgress.columns) { parameter in
    """
    select \(TenantProgress.columns) from tenant_service s where s.tenant_id = \(parameter("id", .uuid) { $0.uuid })
    order by s.service
    """
  }

  /// Notes what came of asking services to follow a version. It is confirmed when all of `services` have confirmed it.
  func note(_ tenant: Tenant, _ outcomes: [TenantOutcome], of services: [String]) async throws {
    _ = try await pool.batch([
      TenantStore.noteOutcomes.call((tenant, outcomes)), TenantStore.confirm.call((tenant.id, services)),
    ])
  }

  static let noteOutcomes = Statement<(tenant: Tenant, outcomes: [TenantOutcome]), Void> { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.id.uuid }
    let version = parameter("version", .int4) { Int32(clamping: $0.tenant.version) }
    let rows = parameter.rows("n") { $0.outcomes }
    rows("service", .text) { $0.service }
    rows("counts", .text) { (try? $0.result.get())?.counts }
    rows("total", .int8) { (try? $0.result.get())?.total }
    rows("deleted_at", .timestamptz) { (try? $0.result.get())?.deletedAt }
    rows("failure", .text) { outcome in
      guard case .failure(let error) = outcome.result else { return nil }
      return StorableText.make("\(error)", bytesMax: failureBytesMax)
    }
    return """
      insert into tenant_service as s
        (tenant_id, service, confirmed_version, counts, total, deleted_at, failure)
      select \(tenant), n.service, case when n.failure is null then \(version) else 0 end, n.counts, n.total, n.deleted_at,
        n.failure
      from \(rows)
      on conflict (tenant_id, service) do update set
        confirmed_version = greatest(s.confirmed_version, excluded.confirmed_version),
        counts = coalesce(excluded.counts, s.counts), total = coalesce(excluded.total, s.total),
        deleted_at = coalesce(s.deleted_at, excluded.deleted_at), checked_at = now(), failure = excluded.failure
      """
  }

  static let confirm = Statement<(tenant: TenantID, services: [String]), Void> { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let services = parameter.array("services", of: .text) { $0.services }
    return """
      update tenant t set claimed_until = now() + interval '\(pauseSeconds) seconds',
        confirmed_version = greatest(t.confirmed_version, least(t.version, m.version))
      from (
        select coalesce(min(coalesce(s.confirmed_version, 0)), 0) as version from unnest(\(services)) n(service)
        left join tenant_service s on s.tenant_id = \(tenant) and s.service = n.service) m
      where t.tenant_id = \(tenant)
      """
  }

  /// What the gateway itself has of the tenant goes, when its state says so.
  static let requestDeletion = Statement<TenantID, Void> { parameter in
    let tenant = parameter("tenant", .uuid) { $0.uuid }
    return """
      insert into tenant_state as s (tenant_id, suspended_at, deletion_requested_at)
      select t.tenant_id, now(), now() from tenant t where t.tenant_id = \(tenant) and t.state = 'deleting'
      on conflict (tenant_id) do update set suspended_at = coalesce(s.suspended_at, now()),
        deletion_requested_at = coalesce(s.deletion_requested_at, now())
      """
  }

  /// Leaves the id and the times of a tenant of which nothing else is left.
  func end(_ id: TenantID) async throws {
    _ = try await pool.batch([TenantStore.strip.call(id), AccountChannel.send.call(.tenant(id))])
  }

  static let strip = Statement<TenantID, Void> { parameter in
    """
    update tenant set deleted_at = now(), updated_at = now(), name = '', created_by = ''
    where tenant_id = \(parameter("id", .uuid) { $0.uuid }) and state = 'deleting' and deleted_at is null
    """
  }
}
