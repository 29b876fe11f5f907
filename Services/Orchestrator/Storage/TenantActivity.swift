package import Contracts
internal import Postgres
internal import Primitives

/// What a tenant does now.
package struct TenantActivity: Sendable {
  package let tenant: TenantID
  /// Runs of the last five minutes.
  package let runs: Int64
  /// Steps that wait for a worker.
  package let ready: Int64

  private static let columns = ResultColumns<TenantActivity> { column in
    let tenant = column("a.tenant_id", .uuid)
    let runs = column("sum(a.runs)::int8", .int8)
    let ready = column("sum(a.ready)::int8", .int8)
    return { row in TenantActivity(tenant: TenantID(try row[tenant]), runs: try row[runs], ready: try row[ready]) }
  }

  /// Ids of runs begin with the time, so the last runs are a range of the primary key. Of each table so many rows are
  /// looked at.
  static let now = Statement<Int, TenantActivity>(columns) { parameter in
    let limit = parameter("limit", .int8) { Int64($0) }
    return """
      select \(columns) from (
        select tenant_id, count(*) as runs, 0 as ready from (
          select tenant_id from run where id >= (lpad(to_hex(
            (extract(epoch from now() - interval '5 minutes') * 1000)::int8), 12, '0') || repeat('0', 20))::uuid
          order by id desc limit \(limit)) r group by 1
        union all
        select tenant_id, 0, count(*) from (select tenant_id from ready limit \(limit)) q group by 1
      ) a group by 1
      """
  }
}

extension RunStore {
  /// What tenants do now, by the last rows of each table, `rowsMax` at most.
  package func tenantActivity(rowsMax: Int) async throws -> [TenantActivity] {
    try await pool.query(TenantActivity.now, rowsMax)
  }
}
