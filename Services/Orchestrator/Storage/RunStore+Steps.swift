package import Contracts
internal import Postgres
internal import Primitives

/// Steps by their ids.
extension RunStore {
  /// Runs of the tenant that a step of this id may belong to, with their versions: the first half of the id is the
  /// run's.
  package func runs(sharing id: StepID, _ tenant: TenantID) async throws -> [(run: RunID, version: Int)] {
    try await database.query(RunStore.listRunsOfStep, (tenant, id), of: TenantScope(tenant.uuid))
  }

  private static let runVersion = ResultColumns<(run: RunID, version: Int)> { column in
    let run = column("id", .uuid)
    let version = column("version", .int4)
    return { row in (RunID(try row[run]), Int(try row[version])) }
  }

  static let listRunsOfStep = Statement<(tenant: TenantID, step: StepID), (run: RunID, version: Int)>(runVersion) {
    parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let low = parameter("low", .uuid) { UUID(high: $0.step.uuid.high, low: 0) }
    let high = parameter("high", .uuid) { UUID(high: $0.step.uuid.high, low: .max) }
    return """
      select \(runVersion) from run where tenant_id = \(tenant) and id between \(low) and \(high) limit 100
      """
  }

  /// Where a step stands in the queue; `nil` when it is not there.
  package func place(of step: StepID) async throws -> QueuePlace? {
    try await pool.query(RunStore.findPlace, step).first
  }

  static let findPlace = Statement<StepID, QueuePlace>(QueuePlace.columns) { parameter in
    let step = parameter("step", .uuid) { $0.uuid }
    return """
      with q as (
        select tenant_id, job_type, lane, queued_at, null::timestamptz as due_at from ready where step_id = \(step)
        union all
        select tenant_id, job_type, lane, queued_at, due_at from delayed where step_id = \(step)
      ), usage as (
        select k.key, coalesce(c.slots, 1) as slots, (
          select count(*) from lease l where l.tenant_id = q.tenant_id
            and (k.key = 'tenant' or k.key = any(string_to_array(l.lane, E'\\x1f'))))::int as n
        from q cross join lateral unnest(array['tenant'] || string_to_array(nullif(q.lane, ''), E'\\x1f')) as k(key)
        left join concurrency_limit c on c.tenant_id = q.tenant_id and c.key = k.key
        where c.slots is not null or k.key like 'lock:%'
      )
      select \(QueuePlace.columns) from q left join usage u on u.n >= u.slots limit 1
      """
  }
}
